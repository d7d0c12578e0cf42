/** A modal dialog on the platform's own <dialog>: focus is trapped and given back, Escape closes. */

import type { ComponentChildren } from "preact";
import { useEffect, useRef } from "preact/hooks";

/** `onClose` null: the dialog asks for a decision and cannot be waved away. */
export function Modal({ title, onClose, wide, children }: {
  title: string;
  onClose: (() => void) | null;
  wide?: boolean;
  children: ComponentChildren;
}) {
  const dialog = useRef<HTMLDialogElement>(null);
  useEffect(() => {
    const element = dialog.current;
    if (element && !element.open) element.showModal();
    return () => element?.close();
  }, []);
  return (
    <dialog
      ref={dialog}
      class={wide ? "modal wide" : "modal"}
      aria-label={title}
      onCancel={(event) => {
        event.preventDefault();
        onClose?.();
      }}
      onClick={(event) => {
        if (event.target === dialog.current) onClose?.();
      }}
    >
      <div class="modal-body">
        <header>
          <h2>{title}</h2>
          {onClose && (
            <button type="button" class="icon-button" aria-label="Close" onClick={onClose}>
              ×
            </button>
          )}
        </header>
        {children}
      </div>
    </dialog>
  );
}
