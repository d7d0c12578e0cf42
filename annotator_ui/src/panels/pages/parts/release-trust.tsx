/** Why a release can be relied on: who signed it, and how its split keeps test apart from train. */

import type { Release } from "../../../api/types";
import { getCertificate, getSignature } from "../../../session/releases";
import { CopyButton, Digest } from "../../copy";
import { day } from "./figures";
import { Facts, Section } from "./page-head";
import { Pending } from "./pending";
import { fingerprint, licenceUrl, splitSentences } from "./release-words";
import { useReply } from "./reply";

function Signed({ release }: { release: Release }) {
  const reply = useReply(() => getSignature(release.dataset, release.version), [release.dataset, release.version]);
  return (
    <Pending reply={reply} skeleton="rows" count={1}>
      {(found) => {
        if (!found) return <span class="dim">not signed: this hub has no key</span>;
        const key = found.keys.find((one) => one.key === found.signature.key);
        return (
          <span class="stack tight">
            <span class="row">
              <code title={found.signature.key}>{fingerprint(found.signature.key)}…</code>
              <CopyButton text={found.signature.key} label="Copy key" />
              {key && <span class={key.present ? "badge good" : "badge"}>{key.present ? "present key" : "past key"}</span>}
            </span>
            <small class="dim">
              Whoever holds this key{key ? `, this hub's since ${day(key.created)},` : ""} vouches for this manifest (Ed25519). {key && !key.present && "The hub signs with another key now; what this one signed stays good. "}
              Compare it with the key that the hub's people publish elsewhere, then give it to <code>cellcommons download --key</code> or <code>verify --key</code>: they refuse anything else.
            </small>
          </span>
        );
      }}
    </Pending>
  );
}

function Split({ release }: { release: Release }) {
  const reply = useReply(() => getCertificate(release.dataset, release.version), [release.dataset, release.version]);
  return (
    <Pending reply={reply} skeleton="rows" count={1}>
      {(found) => (
        <span class="stack tight">
          {splitSentences(found).map((told) => (
            <span key={told}>{told}</span>
          ))}
          <small class="dim">
            <code>splits.json</code> certifies it with every pair and what shows it; <code>cellcommons verify</code> works it out again from the files alone. Its digest:
          </small>
          {typeof found["digest"] === "string" && <Digest value={found["digest"]} />}
        </span>
      )}
    </Pending>
  );
}

export function Trust({ release }: { release: Release }) {
  const licence = licenceUrl(release.licence);
  return (
    <Section title="What it is, exactly" id="trust">
      <div class="card">
        <Facts
          rows={[
            ["Manifest, sha256", <Digest value={release.manifest_sha256} whole />],
            ["Signed by", <Signed release={release} />],
            ["Split", <Split release={release} />],
            ["Licence", licence ? <a href={licence}>{release.licence}</a> : release.licence],
          ]}
        />
      </div>
    </Section>
  );
}
