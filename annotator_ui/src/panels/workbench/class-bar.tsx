/** The classes as buttons with their keys: side by side, or joined as the steps of a scale. */

import type { ComponentChildren } from "preact";
import type { Classes } from "../../labels/classes";
import { classColour } from "../class-colours";
import type { Key } from "./keys";

/**
 * The key of each class: 1 to 9, then 0; none after ten. Where the classes are called by single digits, as grades are,
 * each has its own.
 */
export function digitsOf(names: readonly string[]): (string | null)[] {
  if (names.every((name) => /^\d$/.test(name))) return [...names];
  return names.map((_, index) => (index < 9 ? String(index + 1) : index === 9 ? "0" : null));
}

export function classKeys({ names }: Classes, choose: (index: number) => void, does: string): Key[] {
  const digits = digitsOf(names).filter((digit) => digit !== null);
  const shown = digits.length === 1 ? digits[0]! : `${digits[0]} – ${digits.at(-1)}`;
  return digits.map((digit, index) => ({
    keys: [digit],
    shown: index === 0 ? [shown] : [],
    does: index === 0 ? does : "",
    run: () => choose(index),
  }));
}

export function ClassBar(props: {
  classes: Classes;
  label: string;
  /** Classes that hold, of all subjects that are chosen. */
  pressed: ReadonlySet<string>;
  /** Classes that hold of some of them. */
  mixed?: ReadonlySet<string>;
  /** How many subjects have each class. */
  counts?: readonly number[];
  disabled?: boolean;
  /** Only where the screen is too small for the panel that says the same. */
  small?: boolean;
  choose: (index: number) => void;
  /** Buttons beside the classes. */
  children?: ComponentChildren;
}) {
  const { classes, pressed, mixed } = props;
  const digits = digitsOf(classes.names);
  return (
    <div class={props.small ? "class-bar only-small" : "class-bar"}>
      <div class={classes.ordinal ? "class-buttons scale" : "class-buttons"} role="group" aria-label={props.label}>
        {classes.names.map((name, index) => {
          const state = pressed.has(name) ? "true" : mixed?.has(name) ? "mixed" : "false";
          const key = digits[index];
          return (
            <button
              key={name}
              type="button"
              class="class-button"
              style={{ "--class": classColour(index) }}
              aria-pressed={state}
              disabled={props.disabled ?? false}
              {...(key ? { "aria-keyshortcuts": key } : {})}
              onClick={(event) => {
                // A mouse leaves the focus behind: Enter must hand the image in, not press the class again.
                if (event.detail > 0) event.currentTarget.blur();
                props.choose(index);
              }}
            >
              {key && <kbd>{key}</kbd>}
              <i aria-hidden="true" />
              <span>{name}</span>
              {props.counts && <small>{props.counts[index]}</small>}
            </button>
          );
        })}
      </div>
      {props.children && <div class="class-extras">{props.children}</div>}
    </div>
  );
}
