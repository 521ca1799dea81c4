/** The images are libjpeg's: 37x21 pixels, red grows to the right, green downwards, blue is 200 on the left and 40 on the right. */
import { DECODERS, type DecodedImage } from "../../../lib/verify/guacamole/image";

const FULL = Buffer.from(
  [
    "/9j/4AAQSkZJRgABAQAAAQABAAD/2wBDAAIBAQEBAQIBAQECAgICAgQDAgICAgUEBAMEBgUGBgYFBgYGBwkIBgcJBwYGCAsICQoK",
    "CgoKBggLDAsKDAkKCgr/2wBDAQICAgICAgUDAwUKBwYHCgoKCgoKCgoKCgoKCgoKCgoKCgoKCgoKCgoKCgoKCgoKCgoKCgoKCgoK",
    "CgoKCgoKCgr/wAARCAAVACUDAREAAhEBAxEB/8QAHwAAAQUBAQEBAQEAAAAAAAAAAAECAwQFBgcICQoL/8QAtRAAAgEDAwIEAwUF",
    "BAQAAAF9AQIDAAQRBRIhMUEGE1FhByJxFDKBkaEII0KxwRVS0fAkM2JyggkKFhcYGRolJicoKSo0NTY3ODk6Q0RFRkdISUpTVFVW",
    "V1hZWmNkZWZnaGlqc3R1dnd4eXqDhIWGh4iJipKTlJWWl5iZmqKjpKWmp6ipqrKztLW2t7i5usLDxMXGx8jJytLT1NXW19jZ2uHi",
    "4+Tl5ufo6erx8vP09fb3+Pn6/8QAHwEAAwEBAQEBAQEBAQAAAAAAAAECAwQFBgcICQoL/8QAtREAAgECBAQDBAcFBAQAAQJ3AAEC",
    "AxEEBSExBhJBUQdhcRMiMoEIFEKRobHBCSMzUvAVYnLRChYkNOEl8RcYGRomJygpKjU2Nzg5OkNERUZHSElKU1RVVldYWVpjZGVm",
    "Z2hpanN0dXZ3eHl6goOEhYaHiImKkpOUlZaXmJmaoqOkpaanqKmqsrO0tba3uLm6wsPExcbHyMnK0tPU1dbX2Nna4uPk5ebn6Onq",
    "8vP09fb3+Pn6/9oADAMBAAIRAxEAPwD83/DP7O2dv+gE/wDAa/1FxfE394/JOH+MdvePRPDH7O+dv+gk/wDAa+ZxfE394/cuHuMd",
    "veLtz+zv/wAVFN/oR/g/h/2Fr/Onxx4n/wCNlY/3v+fX/pmmf0xwdxj/ALHT97v+bOy8M/s7/d/0E/8AfNfhGL4m/vH7/wAP8Y7e",
    "8d7o/wCzv/o3/Hif++a+cr8T+/8AEfs2V8Y/7P8AEdh4Z/Z3+7/oJ/75r/U/F8T/AN4/5ZuH+MdvePQ/DH7O2dv+gH6ba+ZxfE+/",
    "vH7jw9xjt7xduP2d/wDiopv9BP8AB/D/ALC1/nR448Tf8bKx/vf8+v8A0zTP6Z4O4x/2On73f82dl4Y/Z2xt/wBBI/4DX4Ti+J9/",
    "eP3/AIf4x29477Rv2d/9G/48T/3zXzlfib3/AIj9myvjH/Z/iNrwz8LPD2FO3/xyv9W8Xm+J1P8Al04fz7GaHofhj4WeHcL8v/jt",
    "fM4vN8UfuPD2fYzQuXHwt8O/8JFMAv8Ac/hH9xa/zo8cc3xP/EScf/3C/wDTNM/pjg7PsZ9Tp/P82dn4Y+Fnh7KgL/47X4Ti83xO",
    "p+/8P59jNDvdI+F3h4W33f8Ax2vnK+cYnmP2fK8+xn1c/9k=",
  ].join(""),
  "base64",
);
const COARSE = Buffer.from(
  [
    "/9j/4AAQSkZJRgABAQAAAQABAAD/2wBDAAMCAgMCAgMDAwMEAwMEBQgFBQQEBQoHBwYIDAoMDAsKCwsNDhIQDQ4RDgsLEBYQERMU",
    "FRUVDA8XGBYUGBIUFRT/2wBDAQMEBAUEBQkFBQkUDQsNFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQU",
    "FBQUFBQUFBT/wAARCAAVACUDASIAAhEBAxEB/8QAHwAAAQUBAQEBAQEAAAAAAAAAAAECAwQFBgcICQoL/8QAtRAAAgEDAwIEAwUF",
    "BAQAAAF9AQIDAAQRBRIhMUEGE1FhByJxFDKBkaEII0KxwRVS0fAkM2JyggkKFhcYGRolJicoKSo0NTY3ODk6Q0RFRkdISUpTVFVW",
    "V1hZWmNkZWZnaGlqc3R1dnd4eXqDhIWGh4iJipKTlJWWl5iZmqKjpKWmp6ipqrKztLW2t7i5usLDxMXGx8jJytLT1NXW19jZ2uHi",
    "4+Tl5ufo6erx8vP09fb3+Pn6/8QAHwEAAwEBAQEBAQEBAQAAAAAAAAECAwQFBgcICQoL/8QAtREAAgECBAQDBAcFBAQAAQJ3AAEC",
    "AxEEBSExBhJBUQdhcRMiMoEIFEKRobHBCSMzUvAVYnLRChYkNOEl8RcYGRomJygpKjU2Nzg5OkNERUZHSElKU1RVVldYWVpjZGVm",
    "Z2hpanN0dXZ3eHl6goOEhYaHiImKkpOUlZaXmJmaoqOkpaanqKmqsrO0tba3uLm6wsPExcbHyMnK0tPU1dbX2Nna4uPk5ebn6Onq",
    "8vP09fb3+Pn6/90ABAAC/9oADAMBAAIRAxEAPwD4/wBM+HfT91+ldbpnw76fuv0r3PTPh30/dfpXW6Z8O+n7r9K/p/F8T/3j8w4f",
    "4x+H3j5ol+Hf/Exk/d+nb2FdDpnw76fuv0r3+T4d/wDExk/df3e3sK6HTPh30/dfpX8I8T8Tf8KuL97/AJeT/wDSmf1rw1xj7kPe",
    "6I//0PP7P4d/uv8AVfpRX1BZ/Dv91/qv0or+b5cTa/Ef23R4x/dx940dM8LWny8fpXW6X4WtOOP0oor+qcXXq/zH+FfD+Jre77zP",
    "/9H6mk8LWn9oycenb2FdFpfha044/Siiv4q4mr1f7Vxfvf8ALyf/AKUz874axNbkh7z2R1Nn4WtBF0/Siiivz6Verf4j91o4mt7O",
    "PvM//9k=",
  ].join(""),
  "base64",
);
const GREY = Buffer.from(
  [
    "/9j/4AAQSkZJRgABAQAAAQABAAD/2wBDAAMCAgMCAgMDAwMEAwMEBQgFBQQEBQoHBwYIDAoMDAsKCwsNDhIQDQ4RDgsLEBYQERMU",
    "FRUVDA8XGBYUGBIUFRT/wAALCAAVACUBAREA/8QAHwAAAQUBAQEBAQEAAAAAAAAAAAECAwQFBgcICQoL/8QAtRAAAgEDAwIEAwUF",
    "BAQAAAF9AQIDAAQRBRIhMUEGE1FhByJxFDKBkaEII0KxwRVS0fAkM2JyggkKFhcYGRolJicoKSo0NTY3ODk6Q0RFRkdISUpTVFVW",
    "V1hZWmNkZWZnaGlqc3R1dnd4eXqDhIWGh4iJipKTlJWWl5iZmqKjpKWmp6ipqrKztLW2t7i5usLDxMXGx8jJytLT1NXW19jZ2uHi",
    "4+Tl5ufo6erx8vP09fb3+Pn6/9oACAEBAAA/APj/AEz4d9P3X6V1umfDvp+6/SrMvw7/AOJjJ+79O3sK6HTPh30/dfpXU2fw7/df",
    "6r9K6DTPh30/dfpXW6Z8O+n7r9KsyfDv/iYyfuv7vb2FdDpnw76fuv0rqbP4d/uv9V+laOmeFrT5eP0rrdL8LWnHH6VYk8LWn9oy",
    "cenb2FdFpfha044/Sups/C1oIun6V//Z",
  ].join(""),
  "base64",
);
type Sample = readonly [x: number, y: number, red: number, green: number, blue: number];

/** What libjpeg itself decodes. */
const samples: [string, Buffer, number, Sample[]][] = [
  [
    "full colour",
    FULL,
    3,
    [
      [0, 0, 1, 0, 200],
      [5, 3, 35, 39, 200],
      [17, 10, 118, 128, 199],
      [20, 10, 141, 127, 39],
      [36, 20, 253, 253, 41],
      [30, 5, 213, 62, 41],
    ],
  ],
  [
    "coarse colour (4:2:0) with restart markers",
    COARSE,
    16,
    [
      [5, 3, 38, 35, 202],
      [36, 20, 253, 253, 45],
      [30, 5, 212, 64, 38],
    ],
  ],
  [
    "grey",
    GREY,
    3,
    [
      [0, 0, 23, 23, 23],
      [5, 3, 55, 55, 55],
      [17, 10, 134, 134, 134],
      [20, 10, 122, 122, 122],
      [36, 20, 229, 229, 229],
      [30, 5, 105, 105, 105],
    ],
  ],
];

const decode = DECODERS["image/jpeg"] as (data: Buffer) => DecodedImage;

describe("a JPEG", () => {
  test.each(samples)("is decoded as libjpeg does: %s", (_, data, tolerance, wanted) => {
    const { width, height, pixels } = decode(data);
    expect([width, height, pixels.length]).toEqual([37, 21, 37 * 21 * 4]);
    for (const [x, y, ...colour] of wanted) {
      const at = (y * width + x) * 4;
      for (const [channel, value] of colour.entries()) {
        expect(Math.abs((pixels[at + channel] ?? 0) - value)).toBeLessThanOrEqual(tolerance);
      }
      expect(pixels[at + 3]).toBe(255);
    }
  });

  test("fails with too many pixels, before any is decoded", () => {
    const huge = Buffer.from(FULL);
    const frame = huge.indexOf(Buffer.from("ffc0", "hex"));
    huge.writeUInt32BE(0xffff_ffff, frame + 5);
    const started = performance.now();
    expect(() => decode(huge)).toThrow(/guacd sent an image that is no JPEG: .*limit exceeded/);
    expect(performance.now() - started).toBeLessThan(1000);
  });

  test("fails with this project's error where it is cut off", () => {
    for (let length = 0; length < COARSE.length - 2; length++) {
      expect(() => decode(COARSE.subarray(0, length))).toThrow("guacd sent an image that is no JPEG");
    }
  });

  test("is decoded, or fails with this project's error, whichever byte is wrong", () => {
    for (let at = 0; at < COARSE.length; at++) {
      const data = Buffer.from(COARSE);
      data[at] = (data[at] ?? 0) ^ 0x5a;
      try {
        expect(decode(data).pixels.length).toBeGreaterThan(0);
      } catch (error) {
        expect((error as Error).message).toContain("guacd sent an image that is no JPEG");
      }
    }
  });
});
