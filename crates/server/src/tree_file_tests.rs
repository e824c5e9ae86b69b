use super::*;

const TOML: &str = "\
[centre]
id = \"centre\"
name = \"Example centre\"

[[site]]
id = \"site-01\"
name = \"Example hospital 1\"

[[site.device]]
id = \"tower-01\"
name = \"Tower 1\"

[[site]]
id = \"site-02\"
name = \"Example, of 2\"

[[room]]
id = \"theatre-01\"
kind = \"guidance\"
sites = [\"site-01\", \"site-02\"]

[[room]]
id = \"lecture\"
kind = \"teaching\"
";

const CSV: &str = "\
what,id,name,site,kind
centre,centre,Example centre,,
site,site-01,Example hospital 1,,
device,tower-01,Tower 1,site-01,
site,site-02,\"Example, of 2\",,
room,theatre-01,,site-02 site-01,guidance
room,lecture,,,teaching
";

fn wrong(text: &str, format: Format) -> (usize, String) {
    let error = TreeFile::parse(text, format).expect_err("must be refused");
    (error.line, error.reason)
}

#[test]
fn both_formats_say_the_same() {
    let toml = TreeFile::parse(TOML, Format::Toml).expect("good");
    assert_eq!((toml.sites.len(), toml.devices.len(), toml.rooms.len()), (2, 1, 2));
    assert_eq!(TreeFile::parse(CSV, Format::Csv), Ok(toml.clone()));
    let excel =
        format!("\u{feff}{}", CSV.replace(',', ";").replace("Example; of 2", "Example, of 2")).replace('\n', "\r\n");
    assert_eq!(TreeFile::parse(&excel, Format::Csv), Ok(toml));
    assert_eq!(Format::of_path(Path::new("a/Sites.CSV")), Some(Format::Csv));
    assert_eq!(Format::of_path(Path::new("sites.xlsx")), None);
}

#[test]
fn what_is_wrong_has_its_line() {
    for (from, to, line, said) in [
        ("tower-01", "tower 1", 11, "id"),
        ("id = \"site-02\"", "id = \"site-01\"", 14, "line 6"),
        ("\"site-01\", \"site-02\"", "\"site-01\", \"site-03\"", 18, "site-03"),
        ("\"site-01\", \"site-02\"", "\"site-01\", \"site-01\"", 18, "each once"),
        ("\"teaching\"", "\"party\"", 23, "party"),
        ("name = \"Tower 1\"", "name = \" \"", 10, "blank"),
        ("name = \"Tower 1\"", "nmae = \"Tower 1\"", 11, "nmae"),
        ("[centre]", "[center]", 1, "center"),
        ("kind = \"guidance\"", "kind = ", 19, ""),
    ] {
        assert!(TOML.contains(from), "{from}");
        let (at, reason) = wrong(&TOML.replacen(from, to, 1), Format::Toml);
        assert!(at.abs_diff(line) <= 1 && reason.contains(said), "{to}: line {at}: {reason}");
    }
    for (from, to, line, said) in [
        ("device,tower-01", "box,tower-01", 4, "'box'"),
        ("Tower 1,site-01,", "Tower 1,,", 4, "one site"),
        ("Tower 1,site-01,", "Tower 1,site-09,", 4, "site-09"),
        ("site,site-02", "site,site-01", 5, "line 3"),
        ("room,lecture,,,teaching", "room,lecture,,", 7, "fields"),
        ("what,id", "what,ident", 1, "ident"),
        ("centre,centre,Example centre,,\n", "", 1, "centre"),
        ("site,site-02", "centre,site-02", 5, "centre"),
    ] {
        assert!(CSV.contains(from), "{from}");
        let (at, reason) = wrong(&CSV.replacen(from, to, 1), Format::Csv);
        assert!(at == line && reason.contains(said), "{to}: line {at}: {reason}");
    }
    for nothing in ["", "\n", "what,id\n"] {
        assert!(TreeFile::parse(nothing, Format::Csv).is_err());
        assert!(TreeFile::parse(nothing, Format::Toml).is_err());
    }
}

#[test]
fn hostile_files_are_read_or_refused_on_a_line_that_they_have() {
    let splinters = ["\n", ",", ";", "\"", "site", "site-01", "[[site]]", "id = ", "\u{feff}", "\0", "\u{202e}", "="];
    let mut understood = 0;
    hostile::play(20_000, |dice| {
        for (text, format) in [(TOML, Format::Toml), (CSV, Format::Csv)] {
            let text = hostile::torn(dice, &[text], &splinters);
            match TreeFile::parse(&text, format) {
                Ok(file) => {
                    understood += 1;
                    assert!(file.devices.iter().all(|device| file.sites.iter().any(|site| site.id == device.site)));
                }
                Err(error) => assert!(error.line <= text.lines().count() + 1, "{error} in {text:?}"),
            }
        }
    });
    assert!(understood > 100, "{understood} were understood");
}
