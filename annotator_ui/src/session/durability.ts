/** Where the person's work is, told honestly. */

import type { Problem } from "../api/problem";

export type Durability =
  /** The hub has every stroke. */
  | { kind: "saved" }
  | { kind: "sending"; waiting: number }
  /** The hub does not answer, and the last stroke is not yet written down on this device. */
  | { kind: "keeping"; waiting: number }
  /** Kept on this device; sent when the hub answers again. */
  | { kind: "offline"; waiting: number }
  /** Kept on this device; sent after signing in again. */
  | { kind: "signed-out"; waiting: number; problem: Problem }
  /** Kept on this device; the lease ran out and its slot may be taken. */
  | { kind: "lease-lost"; waiting: number; problem: Problem }
  /** The hub refuses the work for a reason that trying again does not change. */
  | { kind: "refused"; waiting: number; problem: Problem }
  /** The browser writes nothing down, and the hub has not got it yet. */
  | { kind: "not-kept"; waiting: number; problem: Problem };
