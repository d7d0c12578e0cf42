/** Channels: colour, visibility, and a contrast window over the histogram. */

import type { Channel, Picture } from "../../session/picture";
import type { Display } from "./display";
import { Icon } from "./icons";

const HEIGHT = 34;

/** Log counts as an area, so that dim cells show beside a large background. */
function histogramPath(bins: Uint32Array): string {
  const most = Math.log1p(Math.max(...bins));
  const points = Array.from(bins, (count, i) => `${i},${(HEIGHT - (most > 0 ? (Math.log1p(count) / most) * HEIGHT : 0)).toFixed(1)}`);
  return `M0,${HEIGHT}L${points.join("L")}L${bins.length - 1},${HEIGHT}Z`;
}

function show(value: number): string {
  return Math.abs(value) >= 10 || Number.isInteger(value) ? Math.round(value).toString() : value.toPrecision(3);
}

function ContrastWindow({ channel }: { channel: Channel }) {
  const { display, range, histogram, name } = channel;
  const { low, high, colour, gamma } = display.value;
  const step = (range.high - range.low) / 512;
  const share = (value: number) => `${(100 * Math.min(1, Math.max(0, (value - range.low) / (range.high - range.low)))).toFixed(2)}%`;
  return (
    <div class="contrast">
      <svg viewBox={`0 0 ${histogram.length - 1} ${HEIGHT}`} preserveAspectRatio="none" aria-hidden="true">
        <path d={histogramPath(histogram)} fill={colour} fill-opacity="0.5" />
      </svg>
      <div class="window" aria-hidden="true">
        <i style={{ left: share(low), right: `calc(100% - ${share(high)})` }} />
      </div>
      <input
        type="range"
        aria-label={`${name}: darkest`}
        min={range.low}
        max={range.high}
        step={step}
        value={low}
        onInput={(event) => (display.value = { ...display.value, low: Math.min(event.currentTarget.valueAsNumber, high - step) })}
      />
      <input
        type="range"
        aria-label={`${name}: brightest`}
        min={range.low}
        max={range.high}
        step={step}
        value={high}
        onInput={(event) => (display.value = { ...display.value, high: Math.max(event.currentTarget.valueAsNumber, low + step) })}
      />
      <div class="contrast-values">
        <span>{show(low)}</span>
        <label class="gamma">
          γ
          <input
            type="range"
            aria-label={`${name}: gamma`}
            min={0.3}
            max={3}
            step={0.05}
            value={gamma}
            onInput={(event) => (display.value = { ...display.value, gamma: event.currentTarget.valueAsNumber })}
          />
          {gamma.toFixed(2)}
        </label>
        <span>{show(high)}</span>
      </div>
    </div>
  );
}

function ChannelRow({ channel, index, picture, digits }: { channel: Channel; index: number; picture: Picture; digits: boolean }) {
  const { display, name } = channel;
  const { visible, colour } = display.value;
  return (
    <div class={visible ? "channel" : "channel off"}>
      <div class="channel-head">
        <input
          type="color"
          class="channel-colour"
          aria-label={`${name}: colour`}
          value={colour}
          onInput={(event) => (display.value = { ...display.value, colour: event.currentTarget.value })}
        />
        <span class="channel-name" title={name}>
          {name}
        </span>
        <button type="button" class="button quiet small" onClick={() => picture.autoContrast(index)} title="Set the contrast from the image">
          Auto
        </button>
        <button
          type="button"
          class="icon-button"
          aria-pressed={visible}
          aria-label={`${visible ? "Hide" : "Show"} ${name}`}
          {...(digits ? { "aria-keyshortcuts": String(index + 1) } : {})}
          title={`${visible ? "Hide" : "Show"}${digits ? ` (${index + 1})` : ""}`}
          onClick={() => (display.value = { ...display.value, visible: !visible })}
        >
          <Icon name={visible ? "eye" : "eye-off"} size={18} />
        </button>
      </div>
      {visible && <ContrastWindow channel={channel} />}
    </div>
  );
}

/** `title`: where several pictures have channels. `digits` false where 1 to 6 have another meaning. `display`: may be inverted. */
export function ChannelsPanel({ picture, title, digits = true, display }: { picture: Picture; title?: string; digits?: boolean; display?: Display }) {
  const level = picture.level.value;
  return (
    <section class="panel" aria-label={title ?? "Channels"}>
      <h3>{title ?? (level && level.channels.length === 1 ? "Channel" : "Channels")}</h3>
      {!level && <p class="dim">Loading…</p>}
      {level?.channels.map((channel, index) => <ChannelRow key={index} channel={channel} index={index} picture={picture} digits={digits} />)}
      {display && (
        <label class="check">
          <input type="checkbox" checked={display.inverted.value} onChange={(event) => (display.inverted.value = event.currentTarget.checked)} />
          Invert <kbd>I</kbd>
        </label>
      )}
    </section>
  );
}
