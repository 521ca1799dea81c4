import { packerVariable } from "../../lib/template/marks";
import { Text } from "../../lib/template/render";
import { withTypedHashes } from "../../lib/template/typed-passwords";

const secret = packerVariable("root_password");
const hash = packerVariable("root_password_hash");
const typed = (text: string) => withTypedHashes(new Text(text, text)).real;

test.each([
  ["root's password", `passwd/root-password=${secret} `, `passwd/root-password-crypted=${hash} `],
  ["a user's", `passwd/user-password=${secret}<enter>`, `passwd/user-password-crypted=${hash}<enter>`],
  ["one in quotes", `passwd/root-password="${secret}"`, `passwd/root-password-crypted="${hash}"`],
  ["the question once more", `a passwd/root-password-again=${secret} b`, "a b"],
  [
    "both in one line",
    `passwd/root-password=${secret} passwd/root-password-again=${secret} quiet`,
    `passwd/root-password-crypted=${hash} quiet`,
  ],
])("%s is typed in its crypted form", (_, line, expected) => {
  expect(typed(line)).toBe(expected);
});

test.each([
  ["a password that is no secret", "passwd/root-password=insecure"],
  ["another question", `grub-installer/password=${secret}`],
  ["a question whose name only ends so", `xpasswd/root-password=${secret}`],
  ["a secret with something around it", `passwd/root-password=x${secret}`],
  ["a secret with something after it", `passwd/root-password=${secret}x`],
  ["quotes that do not match", `passwd/root-password="${secret}'`],
])("%s stays as it is", (_, line) => {
  expect(typed(line)).toBe(line);
});

test("the structure is changed alike, and the kind stays", () => {
  const line = withTypedHashes(new Text(`passwd/root-password=${secret}`, `passwd/root-password=${secret} x`, "flag"));
  expect(line).toEqual(
    new Text(`passwd/root-password-crypted=${hash}`, `passwd/root-password-crypted=${hash} x`, "flag"),
  );
});
