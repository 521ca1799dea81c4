import { CHAIN, temporaryCatalog } from "../fixtures/temporary-catalog";
import { changed, last, manifest, type Options, run } from "./support";

describe("variables", () => {
  test("are not inherited from a parent", () => {
    const folder = temporaryCatalog({
      ...CHAIN,
      "one/environment.yml": "environment:\n  shade: dark\n",
      "two/manifest.yml": "packer:\n  provisioners:\n    - type: shell\n      inline: ['echo {{ shade }}']\n",
    });
    expect(() => run(folder)).toThrow(/two\/manifest\.yml:4:\d+: the variable "shade" is not defined/);
  });

  test.each<[string, string, string[]]>([
    ["a filter", "{{ colour | b64encode }}", ["variable colour"]],
    ["filters, beside another variable", "{{ shade }}-{{colour|upper|b64encode}}.{{ shade }}", ["variable colour"]],
    // Here a value may change and the text not: the text is what is shown.
    ["a condition", "{% if colour == 'red' %}warm{% else %}cold{% endif %}", ["packer"]],
    ["a filter with arguments", "{{ colour | replace('r', 'R') }}", ["packer"]],
    ["Packer's own braces", "{% raw %}{{ colour | b64encode }}{% endraw %}{{ colour | b64encode }}", ["packer"]],
  ])("behind %s are shown by name where that says all", (_, text, inputs) => {
    const folder = temporaryCatalog({
      ...CHAIN,
      "two/environment.yml": "environment:\n  colour: red\n  shade: dark\n",
      "two/manifest.yml": `packer:\n  provisioners:\n    - type: shell\n      inline: ["true"]\n      execute_command: ${JSON.stringify(`echo ${text}`)}\n`,
    });
    const before = last(run(folder));
    const after = last(run(folder, { variables: { two: { colour: "blue" } } }));
    expect(after.fingerprint).not.toBe(before.fingerprint);
    expect(changed(before, after)).toEqual(inputs);
    expect(JSON.stringify(after.configuration)).not.toMatch(/[\uE000-\uE003]/);
  });

  test("given in code win over the environment, and that over environment.yml", () => {
    const folder = temporaryCatalog(CHAIN);
    const colour = (options: Options) => last(run(folder, options)).inputs["variable colour"];
    expect(colour({})).toBe("red");
    expect(colour({ environment: { colour: "green" } })).toBe("green");
    expect(
      colour({
        environment: { colour: "green" },
        variables: { two: { colour: "blue" } },
      }),
    ).toBe("blue");
  });

  test("that are proxies lose their credentials", () => {
    const layer = last(
      run(temporaryCatalog(CHAIN), {
        environment: { proxy: "http://joe:s3cret@proxy.example:3128" },
      }),
    );
    expect(layer.inputs["variable proxy"]).toBe("http://proxy.example:3128");
    expect(JSON.stringify(layer)).not.toContain("s3cret");
  });

  test.each(["p@ss-w0rd", "pa/ss-w0rd", "p@s/s:w0rd", "p%40ss-w0rd"])(
    "that are proxies lose the password %s",
    (password) => {
      const folder = temporaryCatalog({
        ...CHAIN,
        "two/files/environment.tlt": "http_proxy={http_proxy}\n",
        "two/manifest.yml": manifest.replace("source: files", "source: files/environment").replace("/opt", "/opt/"),
      });
      const proxy = `http://jane:${password}@proxy.example:3128`;
      const layer = last(run(folder, { environment: { proxy, VISA_HTTP_PROXY: proxy } }));
      const text = JSON.stringify(layer);
      expect(text).toContain("http_proxy=http://proxy.example:3128");
      expect(layer.inputs["variable proxy"]).toBe("http://proxy.example:3128");
      expect(text).not.toMatch(/w0rd|jane/);
    },
  );

  test("fails for a name that the template does not declare, with the nearest", () => {
    expect(() => run(temporaryCatalog(CHAIN), { variables: { two: { color: "x" } } })).toThrow(/did you mean "colour"/);
    expect(() => run(temporaryCatalog(CHAIN), { variables: { tow: { colour: "x" } } })).toThrow(/did you mean "two"/);
  });

  test("fails for a secret that is given as a variable", () => {
    expect(() =>
      run(temporaryCatalog(CHAIN), {
        variables: { two: { root_password: "x" } },
      }),
    ).toThrow(/is a secret/);
  });
});
