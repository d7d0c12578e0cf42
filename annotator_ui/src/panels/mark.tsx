/** The brand mark: one cell outlined by one person, the next already begun. */

export function Mark({ size = 26 }: { size?: number }) {
  return (
    <svg class="mark" width={size} height={size} viewBox="0 0 32 32" aria-hidden="true">
      <path
        d="M12.2 5.200c4.900-1.100 9.500 1.800 10.600 6.200 1.200 5-1.900 9.800-6.600 10.700-4.800 1-9.400-1.700-10.400-6.100-1.100-5 1.600-9.700 6.400-10.800z"
        fill="var(--accent)"
        fill-opacity=".22"
        stroke="var(--accent)"
        stroke-width="2"
      />
      <circle cx="13.600" cy="13.400" r="2.800" fill="var(--accent)" />
      <path
        d="M25 17.800c2.500.6 3.900 2.700 3.300 5-.6 2.500-3 3.800-5.500 3.100-1.500-.4-2.500-1.300-3-2.400"
        fill="none"
        stroke="var(--amber)"
        stroke-width="2"
        stroke-linecap="round"
      />
    </svg>
  );
}
