//! Tables of comma-separated numbers.

use zkinfer_models::data::ReadOptions;

use super::*;

fn samples(data: &Dataset) -> Vec<Vec<f32>> {
    let sample = |sample: &Vec<ArrayD<f32>>| {
        sample.iter().flat_map(|tensor| tensor.iter().copied()).collect()
    };
    data.samples().iter().map(sample).collect()
}

#[test]
fn columns_in_their_order_and_labels_by_their_name() {
    let folder = Folder::new();
    let inputs = [input("x", &[1, 3])];
    let text = "age, height,y,\"a \"\"b\"\", c\"\n1,2.5,0,-3e2\n 4 ,5,2,0x\n";
    let message = folder.error(&folder.text("t.csv", text), &inputs);
    assert_eq!(
        message,
        "\"/t.csv\": line 3, column \"a \\\"b\\\", c\": \"0x\", expected a finite number; replace \
        it, or leave the row out"
    );
    let path = folder.text("t.csv", &text.replace("0x", "6"));
    let data = Dataset::read(&path, &inputs).unwrap();
    assert_eq!(samples(&data), [[1.0, 2.5, -300.0], [4.0, 5.0, 6.0]]);
    assert_eq!(data.labels().unwrap(), [[0], [2]]);
    assert_eq!(data.samples()[0][0].shape(), [1, 3]);
    // Another column may hold the labels.
    let path = folder.text("t.csv", "a,b,target,c\r\n1,2,7,3\r\n");
    assert!(folder.error(&path, &inputs).ends_with(
        "4 columns beside labels (\"a\", \"b\", \"target\", \"c\"), but input \"x\" [1, 3] takes \
        3; leave out what is no feature, or name the labels"
    ));
    let named = |labels: &str| {
        let options = ReadOptions { normalise: None, labels: Some(labels.into()) };
        Dataset::read_with(&path, &inputs, &options).map_err(|error| error.to_string())
    };
    let data = named("target").unwrap();
    assert_eq!(
        (samples(&data), data.labels().unwrap()),
        (vec![vec![1.0, 2.0, 3.0]], &[vec![7]][..])
    );
    assert!(
        named("no").unwrap_err().ends_with(
            "no column \"no\" of labels; its columns are \"a\", \"b\", \"target\", \"c\""
        )
    );
}

#[test]
fn inputs_of_one_number_read_the_columns_of_their_names() {
    let folder = Folder::new();
    let inputs = [input("height", &[1, 1]), input("age", &[1])];
    let path = folder.text("t.csv", "id,age,height\n9,1,2\n9,3,4\n");
    let data = Dataset::read(&path, &inputs).unwrap();
    assert_eq!(samples(&data), [[2.0, 1.0], [4.0, 3.0]]);
    let missing = [input("height", &[1, 1]), input("weight", &[1])];
    assert!(
        folder.error(&path, &missing).ends_with(
            "no column for input \"weight\"; its columns are \"id\", \"age\", \"height\""
        )
    );
    let wide = [input("height", &[1, 2]), input("age", &[1])];
    assert!(folder.error(&path, &wide).ends_with(
        "input \"height\" [1, 2] takes more than one number, and the model has several inputs; \
        give an .npz"
    ));
}

#[test]
fn tables_that_are_none() {
    let folder = Folder::new();
    let inputs = [input("x", &[1, 2])];
    for (text, problem) in [
        ("1,2\n3,4\n", "its first line holds numbers, expected the columns' names; write them"),
        ("a,b\n", "it has names and no rows; write the data again"),
        ("a,a\n1,2\n", "two of its columns are called \"a\"; rename one"),
        (
            ",a,b\n0,1,2\n",
            "column 1 has no name; leave out what is no feature (`to_csv(…, index=False)`)",
        ),
        (
            "a,b\n1,\n",
            "line 2, column \"b\": \"\", expected a finite number; replace it, or leave the row \
            out",
        ),
        (
            "a,b\n1,nan\n",
            "line 2, column \"b\": \"nan\", expected a finite number; replace it, or leave the row \
            out",
        ),
        ("a,b\n1,1e39\n", "line 2, column \"b\": 1e39 is too large for float32; scale it"),
        (
            "a;b\n1;2\n",
            "1 columns beside labels (\"a;b\"), but input \"x\" [1, 2] takes 2; leave out what is \
            no feature, or name the labels",
        ),
        ("a,b,y\n1,2,0.5\n", "label 0.5, expected whole numbers from 0"),
    ] {
        let message = folder.error(&folder.text("t.csv", text), &inputs);
        assert_eq!(message, format!("\"/t.csv\": {problem}"), "{text}");
    }
    for (text, problem) in [
        ("a,b\n1,2\n1,2,3\n", "line 3 has 3 fields, expected 2, one for each name above; write it"),
        ("a,b\n\"1,2\n", "line 2 has 1 fields, expected 2"),
        ("a,b\n\u{0}", "line 2 has 1 fields, expected 2"),
        ("", "it is empty; write or copy the data again"),
    ] {
        let message = folder.error(&folder.text("t.csv", text), &inputs);
        assert!(message.contains(problem), "{message}");
    }
    std::fs::write(folder.path("u.csv"), b"a,b\n1,\xff\n").unwrap();
    assert!(folder.error(&folder.path("u.csv"), &inputs).contains("line 2 is no UTF-8"));
    std::fs::File::create(folder.path("l.csv")).unwrap().set_len(300_000_000).unwrap();
    assert!(
        folder
            .error(&folder.path("l.csv"), &inputs)
            .contains("files of this kind at most 268435456")
    );
}
