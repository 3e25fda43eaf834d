//! The rooms with which every academy starts.

use indexmap::IndexMap;

use super::{Kind, Owner, Question, Room};

/// A room as it is written down here. A question is its words, its answer, a hint and extra points.
struct Draft {
    code: &'static str,
    title: &'static str,
    description: &'static str,
    owner: Owner,
    kind: Kind,
    tasks: &'static [&'static [(&'static str, &'static str, &'static str, u32)]],
}

/// The rooms by their codes, without members.
pub(super) fn rooms() -> IndexMap<String, Room> {
    DRAFTS
        .iter()
        .map(|draft| (draft.code.to_owned(), draft.room()))
        .collect()
}

impl Draft {
    fn room(&self) -> Room {
        let question =
            |&(question, answer, hint, extra_points): &(&str, &str, &str, u32)| Question {
                question: question.to_owned(),
                answer: answer.to_owned(),
                hint: hint.to_owned(),
                extra_points,
            };
        Room {
            title: self.title.to_owned(),
            description: self.description.to_owned(),
            owner: self.owner,
            kind: self.kind,
            tasks: self
                .tasks
                .iter()
                .map(|questions| questions.iter().map(question).collect())
                .collect(),
            members: IndexMap::new(),
        }
    }
}

static DRAFTS: [Draft; 14] = [
    Draft {
        code: "linux1",
        title: "Linux: First Steps",
        description: "Find your way around a shell: list, read, search and move files.",
        owner: Owner::Everyone,
        kind: Kind::Walkthrough,
        tasks: &[
            &[
                (
                    "Which command prints the directory you are in?",
                    "pwd",
                    "Three letters",
                    0,
                ),
                ("Which command lists its files?", "ls", "", 0),
            ],
            &[
                (
                    "Which option of ls shows hidden files?",
                    "-a",
                    "Short for all",
                    0,
                ),
                ("Which command prints a file?", "cat", "A pet", 0),
                ("Which command searches for words in files?", "grep", "", 0),
            ],
            &[(
                "What is the flag in /home/learner/notes.txt?",
                "FLAG{first-steps}",
                "Use cat",
                10,
            )],
        ],
    },
    Draft {
        code: "linux2",
        title: "Linux: Users and Permissions",
        description: "Who may read, write and run what, and how to change it.",
        owner: Owner::Everyone,
        kind: Kind::Walkthrough,
        tasks: &[
            &[
                ("Which command changes a file's mode?", "chmod", "", 0),
                ("Which command changes its owner?", "chown", "", 0),
                (
                    "Which mode lets only the owner read and write?",
                    "600",
                    "Octal",
                    0,
                ),
            ],
            &[
                (
                    "Which file lists the accounts?",
                    "/etc/passwd",
                    "Not the passwords",
                    0,
                ),
                (
                    "What is the flag in the file that only root reads?",
                    "FLAG{su-do}",
                    "sudo -l",
                    10,
                ),
            ],
        ],
    },
    Draft {
        code: "networks1",
        title: "How Networks Talk",
        description: "Addresses, ports and the journey of a packet.",
        owner: Owner::Everyone,
        kind: Kind::Walkthrough,
        tasks: &[
            &[
                ("How many bits has an IPv4 address?", "32", "Four bytes", 0),
                (
                    "Which address is the machine itself?",
                    "127.0.0.1",
                    "Loopback",
                    0,
                ),
            ],
            &[
                ("On which port does HTTPS listen by default?", "443", "", 0),
                ("Which protocol turns names into addresses?", "DNS", "", 0),
                (
                    "What is the third step of the TCP handshake?",
                    "ACK",
                    "SYN, SYN-ACK, ...",
                    5,
                ),
            ],
        ],
    },
    Draft {
        code: "webbasics",
        title: "Inside a Web Request",
        description: "Methods, headers, cookies and what a browser does with them.",
        owner: Owner::Everyone,
        kind: Kind::Walkthrough,
        tasks: &[
            &[
                ("Which method asks for a page?", "GET", "", 0),
                ("Which status says that a page is missing?", "404", "", 0),
                (
                    "Which header carries cookies to the server?",
                    "Cookie",
                    "",
                    0,
                ),
            ],
            &[
                (
                    "Which cookie flag hides it from scripts?",
                    "HttpOnly",
                    "",
                    5,
                ),
                (
                    "What is the flag in the response headers?",
                    "FLAG{x-marks}",
                    "curl -i",
                    10,
                ),
            ],
        ],
    },
    Draft {
        code: "sqli1",
        title: "SQL Injection by Hand",
        description: "Talk a login form into letting you in, then mend it.",
        owner: Owner::Everyone,
        kind: Kind::Walkthrough,
        tasks: &[
            &[
                ("Which character ends a text in SQL?", "'", "A quote", 0),
                ("Which keyword joins a second query's rows?", "UNION", "", 0),
            ],
            &[
                (
                    "Which table holds the accounts?",
                    "members",
                    "information_schema",
                    10,
                ),
                (
                    "What keeps input and query apart?",
                    "prepared statements",
                    "Two words",
                    0,
                ),
            ],
        ],
    },
    Draft {
        code: "xss1",
        title: "Scripts Where They Do Not Belong",
        description: "Reflected and stored cross-site scripting, and how to escape it.",
        owner: Owner::Everyone,
        kind: Kind::Walkthrough,
        tasks: &[
            &[
                ("Which kind of XSS waits in the database?", "stored", "", 0),
                (
                    "Which header limits where scripts come from?",
                    "Content-Security-Policy",
                    "",
                    5,
                ),
            ],
            &[(
                "What is the administrator's session cookie?",
                "s3ss10n-7",
                "The guestbook",
                15,
            )],
        ],
    },
    Draft {
        code: "passwords",
        title: "Hashes and How They Break",
        description: "Recognise hashes, crack the weak ones, store the rest well.",
        owner: Owner::Everyone,
        kind: Kind::Walkthrough,
        tasks: &[
            &[
                ("How many hex digits has an MD5 hash?", "32", "128 bits", 0),
                (
                    "What is added to a password before hashing?",
                    "salt",
                    "Kitchen",
                    0,
                ),
            ],
            &[
                (
                    "Which password hides in hash 1?",
                    "sunshine",
                    "A word list",
                    5,
                ),
                ("Which password hides in hash 2?", "tr0ub4dor", "Rules", 15),
            ],
        ],
    },
    Draft {
        code: "phishing",
        title: "Anatomy of a Phishing Mail",
        description: "Headers, links and attachments that give a mail away.",
        owner: Owner::Everyone,
        kind: Kind::Walkthrough,
        tasks: &[
            &[
                (
                    "Which header shows the servers a mail passed?",
                    "Received",
                    "",
                    0,
                ),
                (
                    "Which DNS record lists a domain's senders?",
                    "SPF",
                    "Three letters",
                    0,
                ),
            ],
            &[(
                "To which domain does the button lead?",
                "paypa1.example",
                "Hover",
                10,
            )],
        ],
    },
    Draft {
        code: "logs101",
        title: "Reading Logs",
        description: "Find the one line that matters in a day of them.",
        owner: Owner::Everyone,
        kind: Kind::Challenge,
        tasks: &[
            &[
                (
                    "From which address came the failed logins?",
                    "203.0.113.77",
                    "uniq -c",
                    0,
                ),
                ("Which account did they get?", "backup", "", 10),
            ],
            &[("At what hour did it happen?", "03", "UTC", 20)],
        ],
    },
    Draft {
        code: "forensics1",
        title: "What the Disk Remembers",
        description: "Recover a deleted file and tell when it was deleted.",
        owner: Owner::Everyone,
        kind: Kind::Challenge,
        tasks: &[
            &[
                ("Which file system is on the image?", "ext4", "", 0),
                ("What is the name of the deleted file?", "plans.odt", "", 20),
            ],
            &[(
                "What is the flag in it?",
                "FLAG{nothing-is-gone}",
                "strings",
                30,
            )],
        ],
    },
    Draft {
        code: "privesc",
        title: "From Guest to Root",
        description: "A machine with three ways up. One is enough.",
        owner: Owner::Everyone,
        kind: Kind::Challenge,
        tasks: &[&[
            ("What is the user flag?", "FLAG{guest}", "", 20),
            (
                "What is the root flag?",
                "FLAG{root}",
                "find -perm -4000",
                50,
            ),
        ]],
    },
    Draft {
        code: "acme-onboarding",
        title: "Acme: Welcome Aboard",
        description: "What everybody here should know in the first week.",
        owner: Owner::Company,
        kind: Kind::Walkthrough,
        tasks: &[
            &[
                (
                    "To whom do you report a strange mail?",
                    "security@acme.example",
                    "",
                    0,
                ),
                (
                    "How long must a passphrase be at least?",
                    "16",
                    "The policy",
                    0,
                ),
            ],
            &[(
                "What is the word of the day?",
                "lighthouse",
                "The intranet",
                5,
            )],
        ],
    },
    Draft {
        code: "acme-capstone",
        title: "Acme: Capstone",
        description: "An afternoon in our own staging network.",
        owner: Owner::Company,
        kind: Kind::Challenge,
        tasks: &[
            &[("Which host answers on port 8443?", "staging-3", "", 10)],
            &[
                (
                    "What is the flag in its configuration?",
                    "FLAG{capstone}",
                    "",
                    40,
                ),
                (
                    "Which change would have kept you out?",
                    "mutual tls",
                    "Two words",
                    20,
                ),
            ],
        ],
    },
    Draft {
        code: "globex-review",
        title: "Globex: Code Review",
        description: "Another company's room: it must stay out of sight.",
        owner: Owner::Another,
        kind: Kind::Walkthrough,
        tasks: &[&[("Which line is wrong?", "42", "", 0)]],
    },
];
