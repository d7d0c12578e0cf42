/** Line icons of the workbench, 20 x 20, drawn in the current colour. */

import type { JSX } from "preact";

const DRAWINGS = {
  "new-cell": (
    <>
      <path d="M8.500 3.200c3.600-.8 6.800 1.300 7.300 4.500M16 12.300c-1 2.800-3.800 4.500-7 4-3.700-.6-6-3.800-5.400-7.400.3-2 1.400-3.700 3-4.800" />
      <path d="M10 7v6M7 10h6" />
    </>
  ),
  brush: (
    <>
      <path d="M16.700 3.300a1.500 1.500 0 0 0-2.100 0L8.500 9.600l2 2 6.200-6.200a1.500 1.500 0 0 0 0-2.100z" />
      <path d="M8 10.600c-2 .2-3 1.300-3.200 3-.1 1.200-.7 2-1.800 2.400 2.900 1.200 7.300.4 7.300-3.400" />
    </>
  ),
  eraser: (
    <>
      <path d="M11.300 3.700 16.300 8.700a1.400 1.400 0 0 1 0 2l-5.600 5.600H7.500l-3.800-3.800a1.400 1.400 0 0 1 0-2l5.600-6.800a1.400 1.400 0 0 1 2 0z" />
      <path d="m7 7.600 5.800 5.800M6 16.500h10.500" />
    </>
  ),
  "delete-cell": (
    <>
      <path d="M4 6h12M8 6V4h4v2M5.500 6l.8 10.500h7.400L14.500 6M8.500 9v5M11.500 9v5" />
    </>
  ),
  picker: <path d="M5 3.500 15.500 9l-4.500 1.500-1.800 4.700z" />,
  pan: <path d="M10 2.500v15M2.500 10h15M10 2.500 8 4.500M10 2.500l2 2M10 17.500l-2-2M10 17.500l2-2M2.500 10l2-2M2.500 10l2 2M17.500 10l-2-2M17.500 10l-2 2" />,
  undo: <path d="M7 4 3.500 7.500 7 11M3.500 7.500H12a4.500 4.500 0 0 1 0 9H8" />,
  redo: <path d="m13 4 3.500 3.500L13 11M16.500 7.500H8a4.500 4.500 0 0 0 0 9h4" />,
  fit: <path d="M3 7.500V3h4.500M17 7.500V3h-4.500M3 12.500V17h4.500M17 12.500V17h-4.500" />,
  eye: (
    <>
      <path d="M2 10s3-5.500 8-5.500S18 10 18 10s-3 5.500-8 5.500S2 10 2 10z" />
      <circle cx="10" cy="10" r="2.400" />
    </>
  ),
  "eye-off": <path d="M3 3l14 14M8 5c.6-.3 1.300-.4 2-.4 5 0 8 5.400 8 5.400a14 14 0 0 1-2.500 3.100M5 6.700C3 8.200 2 10 2 10s3 5.500 8 5.500c1.400 0 2.700-.4 3.700-1" />,
  keys: (
    <>
      <rect x="2" y="5" width="16" height="10" rx="2" />
      <path d="M5 8h.01M8 8h.01M11 8h.01M14.500 8h.01M5 11.800h.01M14.500 11.800h.01M8 11.800h4" />
    </>
  ),
  back: <path d="M12 4 6 10l6 6" />,
  check: <path d="m4 10.500 4 4 8-9" />,
  clock: (
    <>
      <circle cx="10" cy="10" r="7" />
      <path d="M10 6v4l2.500 2" />
    </>
  ),
  link: (
    <>
      <circle cx="5" cy="14" r="2.500" />
      <circle cx="15" cy="6" r="2.500" />
      <path d="m7 12.500 6-5" />
    </>
  ),
  unlink: (
    <>
      <circle cx="5" cy="14" r="2.500" />
      <circle cx="15" cy="6" r="2.500" />
      <path d="m7 12.500 1.500-1.200M11.500 8.800 13 7.500M8 7l4 6" />
    </>
  ),
  divide: (
    <>
      <circle cx="4.500" cy="10" r="2.500" />
      <circle cx="15.500" cy="4.500" r="2" />
      <circle cx="15.500" cy="15.500" r="2" />
      <path d="M7 10h2.500c2 0 2-5.500 4-5.500M9.500 10c2 0 2 5.500 4 5.500" />
    </>
  ),
  swap: <path d="M3 6h4c4 0 6 8 10 8M3 14h4c4 0 6-8 10-8M14.500 3.500 17 6l-2.500 2.500M14.500 11.500 17 14l-2.500 2.500" />,
  assign: (
    <>
      <path d="M2.500 15.500h4.500l6-6" />
      <circle cx="14.500" cy="8" r="2.200" />
      <path d="M2.500 8H8" stroke-dasharray="1.500 2.500" />
    </>
  ),
  ends: (
    <>
      <path d="M2.500 10H9M15.500 5.500v9" />
      <circle cx="11" cy="10" r="2" />
    </>
  ),
  isolate: (
    <>
      <path d="M2.500 13.500h15" stroke-dasharray="1.500 2.500" />
      <circle cx="10" cy="6.500" r="2.500" />
      <path d="M10 9.500v3" />
    </>
  ),
  extend: (
    <>
      <circle cx="4.500" cy="10" r="2.200" />
      <path d="M7 10h10M13.500 6.500 17 10l-3.500 3.500" />
    </>
  ),
  play: <path d="M6 4.500v11l9-5.500z" />,
  pause: <path d="M7 4.500v11M13 4.500v11" />,
  list: <path d="M3 5h5M3 10h5M3 15h5M11 5h6M11 10h3M11 15h6" />,
} satisfies Record<string, JSX.Element>;

export type IconName = keyof typeof DRAWINGS;

export function Icon({ name, size = 20 }: { name: IconName; size?: number }) {
  return (
    <svg
      width={size}
      height={size}
      viewBox="0 0 20 20"
      fill="none"
      stroke="currentColor"
      stroke-width="1.5"
      stroke-linecap="round"
      stroke-linejoin="round"
      aria-hidden="true"
    >
      {DRAWINGS[name]}
    </svg>
  );
}
