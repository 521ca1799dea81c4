/** Set by the jest project that runs these tests with cdktn in the place of cdktf. */
declare const CDKTF_PACKAGE: string | undefined;

test("the tests of constructs run with the library that they are said to run with", () => {
  const expected = typeof CDKTF_PACKAGE === "undefined" ? "cdktf" : CDKTF_PACKAGE;
  expect(require("cdktf/package.json").name).toBe(expected);
});
