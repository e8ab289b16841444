"""Records the verdicts of the reference validator on mutated skills, as test data of package skills.

    python3 -m venv DIR && DIR/bin/pip install skills-ref==0.1.1
    DIR/bin/python bench/skills/record.py DIR/bin/agentskills skills/testdata/mutants.json
"""

import json
import pathlib
import subprocess
import sys
import tempfile

GOOD = "---\nname: a-skill\ndescription: Does one thing. Use when asked.\n---\n# Body\n"


def mutants():
    yield "as it should be", "a-skill", GOOD
    yield "all keys", "a-skill", GOOD.replace("---\n#", "license: MIT\ncompatibility: any\nallowed-tools: Bash Read\nmetadata:\n  version: \"1\"\n---\n#")
    for name in ["A-skill", "a--skill", "-a-skill", "a-skill-", "a_skill", "a skill", "a.skill", "x" * 64, "x" * 65, "b-skill", "1", "größe", "技能", "ÄPFEL", "a/b", "ﬁle"]:
        yield f"name {name[:12]} in its directory", name.replace("/", "-"), GOOD.replace("a-skill", name)
        yield f"name {name[:12]} elsewhere", "a-skill", GOOD.replace("a-skill", name)
    yield "empty name", "a-skill", GOOD.replace("a-skill", '""')
    yield "no name", "a-skill", GOOD.replace("name: a-skill\n", "")
    yield "no description", "a-skill", GOOD.replace("description: Does one thing. Use when asked.\n", "")
    yield "empty description", "a-skill", GOOD.replace("Does one thing. Use when asked.", '""')
    yield "blank description", "a-skill", GOOD.replace("Does one thing. Use when asked.", '"   "')
    for n in (1024, 1025):
        yield f"description of {n}", "a-skill", GOOD.replace("Does one thing. Use when asked.", "x" * n)
    for n in (500, 501):
        yield f"compatibility of {n}", "a-skill", GOOD.replace("---\n#", f"compatibility: {'x' * n}\n---\n#")
    for key in ["version", "tools", "Name", "model", "author"]:
        yield f"unknown key {key}", "a-skill", GOOD.replace("---\n#", f"{key}: x\n---\n#")
    yield "no front matter", "a-skill", "# Body\n"
    yield "front matter not closed", "a-skill", "---\nname: a-skill\ndescription: x\n# Body\n"
    yield "no body", "a-skill", "---\nname: a-skill\ndescription: x\n---\n"
    yield "a list", "a-skill", "---\n- a\n- b\n---\n# Body\n"
    yield "broken YAML", "a-skill", "---\nname: [a\ndescription: x\n---\n# Body\n"
    yield "a key twice", "a-skill", GOOD.replace("---\n#", "name: a-skill\n---\n#")
    yield "quoted", "a-skill", GOOD.replace("a-skill", '"a-skill"')
    yield "blanks around the name", "a-skill", GOOD.replace("name: a-skill", "name:   a-skill  ")
    yield "a text before", "a-skill", "\n" + GOOD
    yield "block scalar", "a-skill", GOOD.replace("Does one thing. Use when asked.", "|\n  Two\n  lines.")


def main(validator, out):
    cases = []
    for what, directory, text in mutants():
        with tempfile.TemporaryDirectory() as root:
            place = pathlib.Path(root) / directory
            place.mkdir()
            (place / "SKILL.md").write_text(text, encoding="utf-8")
            done = subprocess.run([validator, "validate", str(place)], capture_output=True, text=True)
            cases.append({"what": what, "directory": directory, "text": text, "valid": done.returncode == 0})
    with open(out, "w", encoding="utf-8") as f:
        json.dump(cases, f, ensure_ascii=False, indent=1)
        f.write("\n")


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2])
