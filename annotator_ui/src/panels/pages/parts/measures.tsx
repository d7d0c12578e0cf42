/** Measures beside the baseline's: bars, numbers, one row a class or marker, and who is taken for whom. */

import { measure } from "./figures";
import { finite, measureText, measureWords, numbersIn, type Flat, type Numbers, type Sorted } from "./measure-words";

/** Bars from 0 to 1: ours, its interval, and a mark where the baseline stands. */
export function Compared(props: { name: string; value: unknown; baseline?: unknown; low?: unknown; high?: unknown; plain?: string }) {
  const value = finite(props.value);
  const baseline = finite(props.baseline);
  const low = finite(props.low);
  const high = finite(props.high);
  if (value === null) return null;
  const gain = baseline === null ? null : value - baseline;
  const at = (part: number) => `${Math.min(1, Math.max(0, part)) * 100}%`;
  return (
    <div class="compared">
      <div class="row apart">
        <span class="dim">{props.name}</span>
        <span>
          <strong>{measure(value)}</strong>
          {gain !== null && Math.abs(gain) >= 0.0005 && (
            <span class={gain >= 0 ? "gain up" : "gain down"}>
              {gain >= 0 ? "+" : "−"}
              {Math.abs(gain).toFixed(3)}
            </span>
          )}
        </span>
      </div>
      <div class="track" role="img" aria-label={`${props.name} ${measure(value)}${baseline === null ? "" : `, baseline ${measure(baseline)}`}${low !== null && high !== null ? `, 95 % interval ${measure(low)} to ${measure(high)}` : ""}`}>
        <i class="value" style={{ width: at(value) }} />
        {low !== null && high !== null && high > low && <i class="interval" style={{ left: at(low), width: at(high - low) }} />}
        {baseline !== null && <i class="baseline" style={{ left: at(baseline) }} title={`${props.plain ?? "baseline"} ${measure(baseline)}`} />}
      </div>
    </div>
  );
}

/** Numbers that are no shares: ours and the baseline's, the better one marked. */
export function NumberTable({ names, measures, baseline, plain }: { names: readonly string[]; measures: Flat; baseline: Flat; plain: string }) {
  if (names.length === 0) return null;
  return (
    <div class="table-scroll">
      <table class="tight-table">
        <thead>
          <tr>
            <th>Measure</th>
            <th class="number">Model</th>
            <th class="number">{plain}</th>
          </tr>
        </thead>
        <tbody>
          {names.map((name) => {
            const { label, better } = measureWords(name);
            const [ours, theirs] = [finite(measures[name]), finite(baseline[name])];
            const won = better !== null && ours !== null && theirs !== null && ours !== theirs ? (better === "more" ? ours > theirs : ours < theirs) : null;
            return (
              <tr key={name}>
                <td>
                  {label}
                  {better === "less" && <small class="dim"> less is better</small>}
                </td>
                <td class={won ? "number won" : "number"}>{measureText(name, ours)}</td>
                <td class={won === false ? "number won" : "number"}>{measureText(name, theirs)}</td>
              </tr>
            );
          })}
        </tbody>
      </table>
    </div>
  );
}

/** One row a class or marker, one column a measure; a thin bar in each share, the baseline's below. */
export function PartsTable({ parts, baseline, first }: { parts: Sorted["parts"]; baseline: Sorted["parts"]; first: string }) {
  const measures = Object.keys(parts);
  const names = [...new Set(measures.flatMap((name) => Object.keys(parts[name]!)))];
  return (
    <div class="table-scroll card flush">
      <table>
        <thead>
          <tr>
            <th>{first}</th>
            {measures.map((name) => (
              <th key={name} class="number">
                {measureWords(name).label}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {names.map((name) => (
            <tr key={name}>
              <th scope="row" class="row-name">{name}</th>
              {measures.map((each) => {
                const value = parts[each]![name];
                const plain = baseline[each]?.[name];
                const { kind } = measureWords(each);
                return (
                  <td key={each} class="number">
                    {measureText(each, value)}
                    {kind === "ratio" && value !== undefined && (
                      <span class="cell-bar" aria-hidden="true">
                        <i style={{ width: `${Math.min(1, Math.max(0, value)) * 100}%` }} />
                        {plain !== undefined && <b style={{ left: `${Math.min(1, Math.max(0, plain)) * 100}%` }} />}
                      </span>
                    )}
                    {kind === "number" && plain !== undefined && <small class="dim"> ({measureText(each, plain)})</small>}
                  </td>
                );
              })}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

/** How many of each true class (rows) were called what (columns); shaded by their share of the row. */
export function ConfusionTable({ confusion }: { confusion: Readonly<Record<string, Numbers>> }) {
  const rows = Object.keys(confusion);
  const columns = [...new Set([...rows, ...rows.flatMap((name) => Object.keys(confusion[name]!))])];
  return (
    <div class="table-scroll card flush">
      <table class="confusion">
        <caption>Rows: what it is. Columns: what the model says. Shade: share of the row.</caption>
        <thead>
          <tr>
            <th scope="col">
              <span class="dim">is ↓ said →</span>
            </th>
            {columns.map((name) => (
              <th key={name} scope="col" class="number">
                {name}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {rows.map((truth) => {
            const row = confusion[truth]!;
            const all = Object.values(row).reduce((sum, value) => sum + value, 0);
            return (
              <tr key={truth}>
                <th scope="row" class="row-name">{truth}</th>
                {columns.map((said) => {
                  const share = all > 0 ? (row[said] ?? 0) / all : 0;
                  return (
                    <td key={said} class={truth === said ? "number right" : "number"} style={{ "--share": share }} title={`${Math.round(share * 100)} % of ${truth} called ${said}`}>
                      {row[said] ?? 0}
                    </td>
                  );
                })}
              </tr>
            );
          })}
        </tbody>
      </table>
    </div>
  );
}

/** Measures of the baseline that the model has none beside: other plain methods. */
export function onlyPlain(measures: Flat, baseline: Flat): string[] {
  return Object.keys(baseline).filter((name) => finite(baseline[name]) !== null && measures[name] === undefined && !/_(low|high)$/.test(name) && numbersIn(baseline[name]) === null);
}
