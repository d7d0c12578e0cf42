/** What a page asked the hub for: on its way, here, or refused. */

import { useCallback, useEffect, useRef, useState } from "preact/hooks";
import { asProblem, type Problem } from "../../../api/problem";

export interface Reply<T> {
  /** The last answer; kept while it is asked for again. */
  readonly value: T | null;
  readonly problem: Problem | null;
  readonly reload: () => Promise<void>;
  /** Take over an answer that came another way (of a POST). */
  readonly put: (value: T) => void;
}

/** Ask on opening and whenever `asked` changes. An answer that was overtaken by a later question is dropped. */
export function useReply<T>(load: () => Promise<T>, asked: readonly unknown[]): Reply<T> {
  const [state, setState] = useState<{ value: T | null; problem: Problem | null }>({ value: null, problem: null });
  const turn = useRef(0);
  const reload = useCallback(async () => {
    const mine = ++turn.current;
    try {
      const value = await load();
      if (mine === turn.current) setState({ value, problem: null });
    } catch (error) {
      if (mine === turn.current) setState((before) => ({ value: before.value, problem: asProblem(error) }));
    }
  }, asked as unknown[]);
  useEffect(() => {
    setState((before) => ({ ...before, problem: null }));
    void reload();
    return () => void turn.current++;
  }, [reload]);
  const put = useCallback((value: T) => {
    turn.current++;
    setState({ value, problem: null });
  }, []);
  return { ...state, reload, put };
}

/** Call `ask` every `seconds` while `active` and the page is looked at. */
export function useEvery(seconds: number, active: boolean, ask: () => void): void {
  const latest = useRef(ask);
  latest.current = ask;
  useEffect(() => {
    if (!active) return;
    const timer = setInterval(() => document.visibilityState === "visible" && latest.current(), seconds * 1000);
    return () => clearInterval(timer);
  }, [seconds, active]);
}
