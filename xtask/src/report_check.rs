//! `cargo xtask report-check` opens reports in a real browser: tables sort and filter, tooltips appear, the console
//! stays clean, and nothing is requested from the network. It saves screenshots.
//!
//! Without Chromium, it says that it was skipped.

mod browser;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use self::browser::Browser;
use crate::Outcome;
use crate::repository::{cargo, root};

const CLASS: &str = include_str!("report_check/class.rhai");
const CHROMIUMS: [&str; 4] = ["chromium", "chromium-browser", "google-chrome", "chrome"];

/// The classes: name, learners, labs.
const CLASSES: [(&str, u32, u32); 2] = [("class", 30, 9), ("academy", 500, 40)];

/// The checks of each page: a name, an expression, and its expected value.
const ASKED: [(&str, &str, &str); 7] = [
    (
        "points are sorted from the largest and from the smallest",
        "(() => {
            const head = document.querySelectorAll('#t-scoreboard th')[2], button = head.firstChild;
            const points = () => [...document.querySelectorAll('#t-scoreboard td:nth-child(3)')].map((own) => Number(own.textContent));
            const is = (fits) => points().every((own, at, all) => at === 0 || fits(all[at - 1], own));
            button.click();
            const down = is((one, other) => one >= other);
            button.click();
            return `${down} ${is((one, other) => one <= other)} ${head.getAttribute('aria-sort')}`;
        })()",
        "true true ascending",
    ),
    (
        "a filter leaves what fits",
        "(() => {
            const input = document.querySelector('[data-filter=t-scoreboard]');
            input.value = 'grace';
            input.dispatchEvent(new Event('input', { bubbles: true }));
            const rows = [...document.querySelectorAll('#t-scoreboard tbody tr')];
            const fits = rows.every((row) => row.hidden !== row.textContent.toLowerCase().includes('grace'));
            return `${fits} ${rows.some((row) => row.hidden)} ${rows.some((row) => !row.hidden)}`;
        })()",
        "true true true",
    ),
    (
        "a cell that is pointed at tells what it is",
        "(() => {
            const drawing = document.querySelector('svg[data-cells]');
            drawing.scrollIntoView();
            const [x, y, width, height] = drawing.dataset.cells.split(' ').map(Number), box = drawing.getBoundingClientRect();
            const at = { clientX: box.x + x + 2.5 * width, clientY: box.y + y + 1.5 * height, bubbles: true };
            drawing.dispatchEvent(new MouseEvent('mousemove', at));
            const cells = document.querySelectorAll('#t-heatmap tbody tr')[1].cells, tip = document.getElementById('tip');
            return !tip.hidden && tip.textContent.startsWith('Lab 3') && tip.textContent.endsWith(cells[0].textContent);
        })()",
        "true",
    ),
    ("a name runs nothing", "document.querySelectorAll('script').length", "1"),
    ("the page is not wider than the screen", "document.documentElement.scrollWidth <= innerWidth", "true"),
    // The last two cause messages on the console.
    (
        "a script that comes later does not run",
        "(() => {
            const script = document.createElement('script');
            script.textContent = 'window.ran = true';
            document.body.append(script);
            return window.ran === undefined;
        })()",
        "true",
    ),
    (
        "nothing is fetched",
        "fetch('https://rooms.example/').then(() => 'went out', () => 'refused')",
        "refused",
    ),
];

/// Writes reports and checks them.
pub(crate) fn run() -> Outcome {
    let Some(chromium) = CHROMIUMS.into_iter().find(|name| is_there(name)) else {
        println!("skipped: Chromium is not installed");
        return Ok(());
    };
    let folder = root().join("target").join("report-check");
    fs::create_dir_all(&folder).map_err(|error| format!("{}: {error}", folder.display()))?;
    for (name, learners, labs) in CLASSES {
        let page = make(&folder, name, learners, labs)?;
        look(chromium, &folder, name, &page)?;
    }
    println!("pictures to look at are in {}", folder.display());
    Ok(())
}

fn is_there(program: &str) -> bool {
    Command::new(program).arg("--version").output().is_ok_and(|output| output.status.success())
}

fn make(folder: &Path, name: &str, learners: u32, labs: u32) -> Outcome<PathBuf> {
    let (script, page) = (folder.join("class.rhai"), folder.join(format!("{name}.html")));
    fs::write(&script, CLASS).map_err(|error| format!("{}: {error}", script.display()))?;
    let mut run = cargo();
    run.args(["run", "--quiet", "--package", "drillmaster", "--", "run"]).arg(&script);
    run.args([
        "--set",
        &format!("learners={learners}"),
        "--set",
        &format!("labs={labs}"),
        "--quiet",
        "--report",
    ]);
    let status = run.arg(&page).status().map_err(|error| format!("cannot run cargo: {error}"))?;
    if status.success() {
        Ok(page)
    } else {
        Err(format!("the report of {name} was not made ({status})"))
    }
}

fn look(chromium: &str, folder: &Path, name: &str, page: &Path) -> Outcome {
    let mut browser = Browser::start(chromium)?;
    let address = format!("file://{}", page.display());
    for (look, width, media) in [
        ("desktop", 1280, ("screen", "light")),
        ("dark", 1280, ("screen", "dark")),
        ("phone", 390, ("screen", "light")),
        ("print", 794, ("print", "light")),
    ] {
        browser.show_as(width, media)?;
        browser.open(&address)?;
        let picture = folder.join(format!("{name}-{look}.png"));
        fs::write(&picture, browser.picture()?)
            .map_err(|error| format!("{}: {error}", picture.display()))?;
    }
    browser.show_as(1280, ("screen", "light"))?;
    browser.open(&address)?;
    let drawn = "new Promise((drawn) => requestAnimationFrame(() => requestAnimationFrame(() => drawn(Math.round(performance.now())))))";
    println!("{name}: drawn after {} ms", browser.evaluate(drawn)?);
    for (index, (what, expression, expected)) in ASKED.into_iter().enumerate() {
        // Before the checks that provoke messages.
        if index + 2 == ASKED.len()
            && let Some(message) = browser.complaints.first()
        {
            return Err(format!("{name}: the browser reports: {message}"));
        }
        let came = browser.evaluate(expression)?;
        if came != expected {
            return Err(format!("{name}: {what}: expected {expected}, found {came}"));
        }
        println!("{name}: {what}");
    }
    match browser.requests.iter().find(|request| !request.starts_with("file:")) {
        Some(request) => Err(format!("{name}: the page requests {request}")),
        None => Ok(()),
    }
}
