import { CONTRACT_PARTS } from "../lib/contract";
import {
  PROMISED_PORTS,
  portOf,
  portsOf,
  promisedProtocols,
  promisingPart,
  VISA_PROTOCOLS,
} from "../lib/visa-protocols";

test("a template's contract says what VISA may list", () => {
  expect(promisedProtocols(["boot", "hygiene", "login"])).toEqual([]);
  expect(promisedProtocols(["desktop"])).toEqual(["GUACD", "RDP"]);
  expect(promisedProtocols(CONTRACT_PARTS)).toEqual(["GUACD", "RDP", "JUPYTER"]);
  expect(promisingPart("JUPYTER")).toBe("jupyter");
  expect(promisingPart("WEBX")).toBeUndefined();
});

test("the ports are VISA's", () => {
  expect(VISA_PROTOCOLS.map((name) => `${name} ${portOf(name)}`)).toEqual([
    ...["GUACD 4822", "RDP 3389", "JUPYTER 8888", "WEBX 5555", "VISA_FS 8090", "VISA_PRINT 8091"],
  ]);
  expect(PROMISED_PORTS).toEqual([3389, 4822, 8888]);
  expect(portsOf(["WEBX", "JUPYTER"])).toMatchObject([
    { first: 5555, last: 5558, proxied: false },
    { first: 8888, last: 8888, proxied: true },
  ]);
});
