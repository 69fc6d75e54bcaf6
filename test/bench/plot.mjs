// docs/performance.svg: one panel a section, bars on a logarithmic scale of ratios.
import { NAMES } from './install.mjs';

const COLORS = {
  raw: '#57606a',
  rawEach: '#afb8c1',
  ours: '#1f6feb',
  nzc: '#e3872d',
  native: '#8a63d2',
  java: '#c8384b',
  python: '#3a9d5d',
};
const LAYOUT = { width: 900, left: 270, right: 70, bar: 11, gap: 12, head: 52, legend: 56 };

const LEGEND_COLUMNS = 4;

/** The plot of `panels`: [{ title, bars: [{ label, values: { peer: ratio } }] }]. */
export function plot(panels) {
  let y = LAYOUT.legend + 16;
  const drawn = panels.map((panel) => {
    const { svg, height } = drawPanel(panel, y);
    y += height;
    return svg;
  });
  const font = 'font-family="system-ui, sans-serif" font-size="12" fill="#24292f"';
  return (
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${LAYOUT.width} ${y}" width="${LAYOUT.width}" height="${y}" role="img" aria-label="Rates compared with the peers" ${font}>\n` +
    `<rect width="100%" height="100%" fill="#ffffff"/>\n${legend(panels)}\n${drawn.join('\n')}\n</svg>\n`
  );
}

function legend(panels) {
  const shown = Object.keys(NAMES).filter((n) => panels.some((p) => p.bars.some((b) => Number.isFinite(b.values[n]))));
  return shown
    .map((name, i) => {
      const x = 16 + (i % LEGEND_COLUMNS) * 215;
      const y = 16 + Math.floor(i / LEGEND_COLUMNS) * 20;
      return `<rect x="${x}" y="${y}" width="12" height="12" fill="${COLORS[name]}"/><text x="${x + 17}" y="${y + 10}">${NAMES[name]}</text>`;
    })
    .join('\n');
}

function drawPanel({ title, bars }, top) {
  const values = bars.flatMap((bar) => Object.values(bar.values)).filter((v) => Number.isFinite(v) && v > 0);
  if (values.length === 0) return { svg: '', height: 0 };
  const scale = logScale(Math.min(...values), Math.max(...values));
  const parts = [`<text x="16" y="${top + 16}" font-size="14" font-weight="600">${title}</text>`];
  let y = top + LAYOUT.head;
  for (const { label, values: row } of bars) {
    const names = Object.keys(NAMES).filter((n) => Number.isFinite(row[n]) && row[n] > 0);
    parts.push(`<text x="${LAYOUT.left - 8}" y="${y + (names.length * LAYOUT.bar) / 2 + 4}" text-anchor="end">${label}</text>`);
    for (const name of names) {
      const end = scale.x(row[name]);
      parts.push(
        `<rect x="${LAYOUT.left}" y="${y}" width="${(end - LAYOUT.left).toFixed(1)}" height="${LAYOUT.bar - 1}" fill="${COLORS[name]}"/>`,
      );
      parts.push(`<text x="${(end + 4).toFixed(1)}" y="${y + LAYOUT.bar - 2}" font-size="10">${short(row[name])}</text>`);
      y += LAYOUT.bar;
    }
    y += LAYOUT.gap;
  }
  parts.splice(1, 0, ...scale.ticks.map((tick) => gridLine(scale.x(tick), tick, top + LAYOUT.head - 6, y - LAYOUT.gap / 2)));
  return { svg: parts.join('\n'), height: y - top + 16 };
}

function gridLine(x, tick, top, bottom) {
  const weight = tick === 1 ? 'stroke="#57606a"' : 'stroke="#d0d7de"';
  return `<line x1="${x.toFixed(1)}" y1="${top}" x2="${x.toFixed(1)}" y2="${bottom}" ${weight}/><text x="${x.toFixed(1)}" y="${top - 4}" text-anchor="middle" font-size="10">${short(tick)}</text>`;
}

/** Whole powers of ten about the values, and 1 always. */
function logScale(least, most) {
  const from = Math.floor(Math.log10(Math.min(least, 0.5)));
  const to = Math.ceil(Math.log10(Math.max(most, 1)));
  const width = LAYOUT.width - LAYOUT.left - LAYOUT.right;
  const x = (value) => LAYOUT.left + ((Math.log10(value) - from) / (to - from)) * width;
  const ticks = Array.from({ length: to - from + 1 }, (_, i) => 10 ** (from + i));
  return { x, ticks };
}

function short(value) {
  return `${Number(value.toPrecision(2))}x`;
}
