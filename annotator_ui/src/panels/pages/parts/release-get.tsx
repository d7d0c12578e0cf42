/** How to get a release: five lines of Python, one command, its tables by address, its cards. */

import { useState } from "preact/hooks";
import type { Release } from "../../../api/types";
import { getSignature, listFiles, manifestUrl } from "../../../session/releases";
import { CodeBlock } from "../../copy";
import { bytes, count, counted } from "./figures";
import { Section } from "./page-head";
import { Pending } from "./pending";
import { CARDS, downloadCommand, duckdbLine, loadingLines, pandasLine, tablesOf, type Table } from "./release-words";
import { useReply } from "./reply";

// Of a table in more parts a line of addresses helps nobody: download it.
const MOST_PARTS = 8;

function TableLines({ tables, hub }: { tables: readonly Table[]; hub: string }) {
  const [name, setName] = useState(tables.some((table) => table.name === "cells") ? "cells" : tables[0]!.name);
  const table = tables.find((one) => one.name === name) ?? tables[0]!;
  return (
    <div class="stack tight">
      <div class="chips" role="group" aria-label="Table">
        {tables.map((one) => (
          <button key={one.name} type="button" aria-pressed={one.name === name} onClick={() => setName(one.name)}>
            {one.name} {one.rows !== null && <span class="dim">{counted(one.rows, "row")}</span>}
          </button>
        ))}
      </div>
      {table.urls.length > MOST_PARTS ? (
        <p class="dim small-text">
          {table.name} lies in {counted(table.urls.length, "file")} ({bytes(table.bytes)}): download the release, or open it in Python as above and ask for <code>release.table("{table.name}")</code>.
        </p>
      ) : (
        <>
          <CodeBlock text={pandasLine(table, hub)} language="Python" />
          <CodeBlock text={duckdbLine(table, hub)} language="SQL" />
        </>
      )}
    </div>
  );
}

export function GetIt({ release }: { release: Release }) {
  const { dataset, version } = release;
  const hub = window.location.origin;
  const files = useReply(() => listFiles(dataset, version), [dataset, version]);
  const signed = useReply(() => getSignature(dataset, version), [dataset, version]);
  return (
    <Section title="Get it" id="get">
      <div class="stack">
        <div class="stack tight">
          <p class="dim small-text">Open it where it lies: what is read is fetched, checked and kept.</p>
          <CodeBlock text={loadingLines(release, hub)} language="Python" />
        </div>
        <div class="stack tight">
          <p class="dim small-text">
            Or fetch all of it, {bytes(release.bytes ?? 0)}: every file is checked by its sha256, and it resumes where it was cut{signed.value ? "; --key refuses what this hub has not signed" : ""}.
          </p>
          <CodeBlock text={downloadCommand(release, hub, signed.value?.signature.key)} language="Shell" />
        </div>
        <Pending reply={files} skeleton="rows" count={2}>
          {(found) => {
            const tables = tablesOf(found);
            const filled = tables.filter((table) => table.rows !== 0);
            const cards = found.filter((file) => file.path in CARDS);
            return (
              <>
                {filled.length > 0 && (
                  <div class="stack tight">
                    <p class="dim small-text">Its tables by address, in pandas or duckdb:</p>
                    <TableLines tables={filled} hub={hub} />
                  </div>
                )}
                <div class="card flush table-scroll" tabIndex={0} role="region" aria-label="Files">
                  <table>
                    <thead>
                      <tr>
                        <th>File</th>
                        <th>What it is</th>
                        <th class="number">Size</th>
                      </tr>
                    </thead>
                    <tbody>
                      <tr>
                        <td>
                          <a href={manifestUrl(dataset, version)} download={`${dataset.replace("/", "-")}-${version}.manifest.json`}>
                            manifest.json
                          </a>
                        </td>
                        <td>names every object of the release by its sha256</td>
                        <td class="number dim">below 16 kB</td>
                      </tr>
                      {cards.map((file) => (
                        <tr key={file.path}>
                          <td>
                            <a href={file.url} download={file.path}>
                              {file.path}
                            </a>
                          </td>
                          <td>{CARDS[file.path]}</td>
                          <td class="number">{bytes(file.bytes)}</td>
                        </tr>
                      ))}
                      {tables.map((table) => (
                        <tr key={table.name}>
                          <td>{table.urls.length === 1 ? <a href={table.urls[0]!} download={`${table.name}.parquet`}>{`${table.name}.parquet`}</a> : `${table.name}, ${count(table.urls.length)} parts`}</td>
                          <td>{table.rows === null ? "table" : `table of ${counted(table.rows, "row")}`}</td>
                          <td class="number">{bytes(table.bytes)}</td>
                        </tr>
                      ))}
                    </tbody>
                  </table>
                </div>
              </>
            );
          }}
        </Pending>
      </div>
    </Section>
  );
}
