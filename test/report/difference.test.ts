import { renderDifference } from "../../lib/report/difference";
import { HARMLESS, HOSTILE } from "./sample-page";

test("names what changed, by group, and leaves out groups without a change", () => {
  const changes = [{ kind: "up", name: HOSTILE, before: "1", after: HOSTILE }];
  const { text } = renderDifference({
    before: "release 1",
    groups: [
      { title: "visa-base", changes },
      { title: "nothing here", changes: [] },
    ],
  });
  expect(text).toContain(`<tr><th scope="row">${HARMLESS}</th><td>up</td><td>1</td><td>${HARMLESS}</td></tr>`);
  expect(text).toContain("Compared with release 1.");
  expect(text).not.toContain("nothing here");
});

test("says where nothing differs", () => {
  expect(renderDifference({ before: "release 1", groups: [] }).text).toContain("Nothing differs from release 1.");
});
