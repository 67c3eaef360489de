// SPDX-License-Identifier: Apache-2.0
// Line pictograms, drawn here so that the page loads nothing from anywhere.

const PATHS = {
  alert: "M12 4 2.8 20h18.4L12 4zm0 6v4.5m0 2.6v.1",
  bell: "M6 17v-6a6 6 0 0 1 12 0v6l1.5 2h-15zm4 4.5h4",
  check: "m5 12.5 4.5 4.5L19 7.5",
  chevron: "m9 6 6 6-6 6",
  clock: "M12 7v5l3.5 2M20 12a8 8 0 1 1-16 0 8 8 0 0 1 16 0z",
  close: "m6 6 12 12M18 6 6 18",
  collapse: "M8 4v4H4m12-4v4h4M8 20v-4H4m12 4v-4h4",
  columns: "M4 5h16v14H4zM9.3 5v14M14.7 5v14",
  copy: "M9 9h10v11H9zM5 15V4h10",
  dots: "M6 12h.01M12 12h.01M18 12h.01",
  download: "M12 4v11m-4.5-4 4.5 4.5 4.5-4.5M5 20h14",
  earlier: "m14 7-5 5 5 5",
  edit: "m4 20 1-4.5L16.5 4 20 7.5 8.5 19zM14 6.5l3.5 3.5",
  expand: "M4 8V4h4m8 0h4v4M4 16v4h4m8 0h4v-4",
  eyeoff: "M4 12s3-6 8-6 8 6 8 6-3 6-8 6-8-6-8-6zm0-8 16 16",
  filter: "M4 5h16l-6 7.5V19l-4-2v-4.5z",
  fit: "M4 9V4h5m6 0h5v5m0 6v5h-5m-6 0H4v-5M9 9h6v6H9z",
  hourglass: "M7 4h10M7 20h10M8 4c0 5 8 6 8 8s-8 3-8 8M16 4c0 5-8 6-8 8s8 3 8 8",
  later: "m10 7 5 5-5 5",
  layout: "M4 5h6v6H4zm10 0h6v4h-6zm0 8h6v6h-6zM4 15h6v4H4z",
  minus: "M5 12h14",
  moon: "M20 14.5A8.5 8.5 0 0 1 9.5 4a8.5 8.5 0 1 0 10.5 10.5z",
  muted: "M6 17v-6a6 6 0 0 1 9-5.2M18 11v6l1.5 2h-12M10 21.5h4M4 4l16 16",
  pause: "M8 5v14m8-14v14",
  pick: "M12 3v4m0 10v4M3 12h4m10 0h4M12 12h.01M17 12a5 5 0 1 1-10 0 5 5 0 0 1 10 0z",
  pin: "M9 4h6l-1 6 3 3v1.5H7V13l3-3zM12 14.5V21",
  overview: "M4 5h16v14H4zM12.5 12.5H18V17h-5.5z",
  play: "M8 5v14l11-7z",
  plus: "M12 5v14M5 12h14",
  record: "M12 12h.01M19 12a7 7 0 1 1-14 0 7 7 0 0 1 14 0z",
  search: "M20 20l-4.5-4.5M17 10.5a6.5 6.5 0 1 1-13 0 6.5 6.5 0 0 1 13 0z",
  send: "M4 12 20 5l-5 15-3.5-6.5zm7.5 1.5L20 5",
  star: "m12 4 2.4 5 5.6.7-4.1 3.8 1.1 5.5-5-2.7L7 19l1.1-5.5L4 9.7 9.6 9z",
  starred: "m12 4 2.4 5 5.6.7-4.1 3.8 1.1 5.5-5-2.7L7 19l1.1-5.5L4 9.7 9.6 9zM10 11l2 3.5M12 8v7m2-4-2 3.5",
  stop: "M6 6h12v12H6z",
  sun: "M12 3v2m0 14v2M3 12h2m14 0h2M5.6 5.6 7 7m10 10 1.4 1.4M5.6 18.4 7 17M17 7l1.4-1.4M16 12a4 4 0 1 1-8 0 4 4 0 0 1 8 0z",
  target: "M12 12h.01M20 12a8 8 0 1 1-16 0 8 8 0 0 1 16 0zm-4 0a4 4 0 1 1-8 0 4 4 0 0 1 8 0z",
  trash: "M5 7h14M10 7V4h4v3M7 7l1 13h8l1-13",
  upload: "M12 15V4M7.5 8.5 12 4l4.5 4.5M5 20h14",
  traffic: "M4 9h14m-4-4 4 4-4 4M20 16H8m4 4-4-4 4-4",
  web: "M8 6a2 2 0 1 1-4 0 2 2 0 0 1 4 0zm12 3a2 2 0 1 1-4 0 2 2 0 0 1 4 0zm-8 9a2 2 0 1 1-4 0 2 2 0 0 1 4 0zM8 6.5l8 2M9.4 16.1 6.6 7.9m4.8 8.5 5.3-5.8",
} as const;

export type IconName = keyof typeof PATHS;

export function Icon({ name, size = 16 }: { name: IconName; size?: number }) {
  return (
    <svg
      className="icon"
      viewBox="0 0 24 24"
      width={size}
      height={size}
      fill="none"
      stroke="currentColor"
      strokeWidth={name === "dots" || name === "record" ? 2.6 : 1.9}
      strokeLinecap="round"
      strokeLinejoin="round"
      aria-hidden="true"
    >
      <path d={PATHS[name]} />
    </svg>
  );
}
