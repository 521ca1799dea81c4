import { renameSync, writeFileSync } from "node:fs";
import { resolve } from "node:path";
import type { Page } from "./page";
import { renderPage } from "./render";

/** What the gate calls a report to look at, among its evidence. */
export const PAGE_FILE = "report.html";

/** Writes a report to look at by rename, so that a reader sees the old one or the new one. Returns its path. */
export function writePage(page: Page, file: string): string {
  const path = resolve(file);
  const scratch = `${path}.${process.pid}`;
  writeFileSync(scratch, renderPage(page));
  renameSync(scratch, path);
  return path;
}
