/** The journal on this device: every edit is here before it is anywhere else. */

import { openDB, type DBSchema, type IDBPDatabase } from "idb";
import type { Delta } from "../labels/tiles";
import type { Changes } from "../labels/values";

/** An edit as the editor made it: nothing is packed before it is kept. */
export interface JournalEntry {
  readonly assignment: string;
  /** Position in the assignment's line of edits, from 1. */
  readonly seq: number;
  readonly uuid: string;
  readonly tool: string;
  readonly params: Record<string, unknown>;
  readonly delta: Delta;
  /** Of each tile of `delta`: how many edits touched it before. */
  readonly versions: readonly number[];
  /** What it changes of the values; absent in entries that only paint. */
  readonly changes?: Changes;
}

interface Schema extends DBSchema {
  edits: { key: [string, number]; value: JournalEntry };
}

const everyOf = (assignment: string) => IDBKeyRange.bound([assignment, 0], [assignment, Number.MAX_SAFE_INTEGER]);

export class Journal {
  private constructor(private readonly db: IDBPDatabase<Schema>) {}

  /** @throws DOMException where the browser keeps nothing (private windows, blocked site data). */
  static async open(name = "cell-commons"): Promise<Journal> {
    return new Journal(
      await openDB<Schema>(name, 2, {
        upgrade: (db) => {
          if (db.objectStoreNames.contains("edits")) db.deleteObjectStore("edits");
          db.createObjectStore("edits", { keyPath: ["assignment", "seq"] });
        },
        blocking: (_current, _blocked, event) => (event.target as IDBDatabase).close(),
      }),
    );
  }

  /** Resolves when the browser has written `entry` down. */
  async put(entry: JournalEntry): Promise<void> {
    await this.db.put("edits", entry);
  }

  /** An assignment's edits in order of seq: those the server has and those it has not. */
  entries(assignment: string): Promise<JournalEntry[]> {
    return this.db.getAll("edits", everyOf(assignment));
  }

  /** Replace what stands at `from` and after by `entries`, in one transaction: all of it or nothing. */
  async rewrite(assignment: string, from: number, entries: readonly JournalEntry[]): Promise<void> {
    const transaction = this.db.transaction("edits", "readwrite", { durability: "strict" });
    await transaction.store.delete(IDBKeyRange.bound([assignment, from], [assignment, Number.MAX_SAFE_INTEGER]));
    for (const entry of entries) await transaction.store.put(entry);
    await transaction.done;
  }

  /** Forget an assignment: once it is submitted the hub's copy is the truth. */
  async clear(assignment: string): Promise<void> {
    await this.db.delete("edits", everyOf(assignment));
  }

  close(): void {
    this.db.close();
  }
}
