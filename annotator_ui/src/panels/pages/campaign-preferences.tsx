/** What people say of a campaign's models: can they tell the picture from a real one, and which model do they prefer? */

import type { Campaign, Preferences } from "../../api/types";
import { getPreferences } from "../../session/campaigns";
import { listModelCards } from "../../session/models";
import { counted } from "./parts/figures";
import { Section } from "./parts/page-head";
import { Pending } from "./parts/pending";
import { useReply } from "./parts/reply";

type Share = Preferences["trials"];

const whole = (share: number) => Math.round(share * 100);

/** What a share of right guesses says: at a half nobody can tell the picture from a real one. */
export function toldApart({ value, low, high, count }: Share): string {
  if (value === null || count === 0) return "not tried yet";
  if (low > 0.5) return "people tell it from the real one";
  if (high < 0.5) return "people take it for the real one";
  return count < 10 ? "too few trials to say" : "people cannot tell it from the real one";
}

function TrialShare({ share, unsure, name }: { share: Share; unsure: number; name: string }) {
  if (share.value === null) return <span class="dim">{unsure > 0 ? `${counted(unsure, "time")} not sure` : "not tried yet"}</span>;
  return (
    <span class="stack tight">
      <span>
        <strong>{whole(share.value)} %</strong> of {counted(share.count, "trial")} <span class="dim">({whole(share.low)} to {whole(share.high)} %)</span>
        {unsure > 0 && <span class="dim">, {unsure} not sure</span>}
      </span>
      <span class="track" role="img" aria-label={`${name}: the real picture was found in ${whole(share.value)} % of the trials, 95 % interval ${whole(share.low)} to ${whole(share.high)} %; half is chance`}>
        <i class="value" style={{ width: `${whole(share.value)}%` }} />
        <i class="interval" style={{ left: `${whole(share.low)}%`, width: `${whole(share.high) - whole(share.low)}%` }} />
        <i class="baseline" style={{ left: "50%" }} title="chance" />
      </span>
      <span class="dim small-text">{toldApart(share)}</span>
    </span>
  );
}

export function PreferencesPanel({ campaign }: { campaign: Campaign }) {
  const reply = useReply(() => getPreferences(campaign.name), [campaign.name, campaign.progress.readings_done]);
  const cards = useReply(listModelCards, []);
  const names = new Map((cards.value ?? []).map((card) => [card.checkpoint_sha256, card]));
  return (
    <Section title="What people say of the models" aside={<span class="dim">trials and preferences, as answered</span>}>
      <Pending reply={reply} skeleton="rows" count={1}>
        {({ standings, comparisons, ties, agreement }) =>
          standings.length === 0 ? (
            <p class="dim">Nobody has judged a prediction yet. Predict the images that nobody has read; then people are asked which picture is real.</p>
          ) : (
            <div class="stack tight">
              <div class="table-scroll card flush">
                <table>
                  <thead>
                    <tr>
                      <th>Model</th>
                      <th>The real picture was found in</th>
                      <th>Preferred</th>
                    </tr>
                  </thead>
                  <tbody>
                    {standings.map(({ checkpoint_sha256: checkpoint, strength, trials, unsure }) => {
                      const card = names.get(checkpoint);
                      const name = card?.name ?? checkpoint.slice(0, 12);
                      return (
                        <tr key={checkpoint}>
                          <th scope="row" class="row-name">
                            {card ? <a href={`/models/${card.id}`}>{name}</a> : <code>{name}</code>}
                          </th>
                          <td>
                            <TrialShare share={trials} unsure={unsure} name={name} />
                          </td>
                          <td>
                            {strength ? (
                              <>
                                {strength.wins} of {counted(strength.comparisons, "comparison")}
                                <br />
                                <small class="dim">
                                  strength {strength.strength.toFixed(2)} ({strength.low.toFixed(2)} to {strength.high.toFixed(2)})
                                </small>
                              </>
                            ) : (
                              <span class="dim">not compared yet</span>
                            )}
                          </td>
                        </tr>
                      );
                    })}
                  </tbody>
                </table>
              </div>
              {comparisons > 0 && (
                <p class="dim small-text">
                  {counted(comparisons, "comparison")}, {counted(ties, "tie")} (a tie is half a win each)
                  {agreement !== null && `; ${whole(agreement)} % of the answers name the stronger model`}. Strength is in log odds against an average model.
                </p>
              )}
            </div>
          )
        }
      </Pending>
    </Section>
  );
}
