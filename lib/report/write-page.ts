import { resolve } from "node:path";
import { replaceFile } from "../replace-file";
import type { Page } from "./page";
import { renderPage } from "./render";

/** What the gate calls a report to look at, among its evidence. */
export const PAGE_FILE = "report.html";

/** Writes a report to look at by rename, so that a reader sees the old one or the new one. Returns its path. */
export function writePage(page: Page, file: string): string {
  const path = resolve(file);
  replaceFile(path, renderPage(page));
  return path;
}
