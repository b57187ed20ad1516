// The portal's sign: three cells of a meter.

export function Mark({ size = 24 }: { size?: number }) {
  return (
    <svg width={size} height={size} viewBox="0 0 24 24" aria-hidden="true" focusable="false" fill="var(--accent)">
      <rect x="2" y="13" width="5" height="9" rx="1.2" />
      <rect x="9.5" y="8" width="5" height="14" rx="1.2" />
      <rect x="17" y="2" width="5" height="20" rx="1.2" opacity=".4" />
    </svg>
  );
}
