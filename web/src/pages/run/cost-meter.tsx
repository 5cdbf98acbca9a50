import type { Run } from "../../api/types";
import { formatCost, formatCount, plural } from "../../base/format";

// Money, against the budget where there is one, and tokens.
export function CostMeter({ run }: { run: Run }) {
  const { calls, input_tokens, output_tokens, cache_read_tokens, cache_write_tokens } = run.usage;
  const tokens = input_tokens + output_tokens + cache_read_tokens + cache_write_tokens;
  const title = `${plural(calls, "model call")}; ${formatCount(input_tokens)} tokens in, ${formatCount(output_tokens)} out, ${formatCount(cache_read_tokens)} read from cache, ${formatCount(cache_write_tokens)} written to it`;
  const part = run.budget_usd ? Math.min(1, run.cost_usd / run.budget_usd) : 0;
  return (
    <>
      <span className="tabular" title={title}>
        {formatCost(run.cost_usd)}
        {run.budget_usd === null ? null : <span className="muted"> of {formatCost(run.budget_usd)}</span>}
      </span>
      {run.budget_usd === null ? null : (
        // biome-ignore lint/a11y/useSemanticElements: <meter> cannot be styled alike in all browsers
        <span
          className="budget"
          role="meter"
          aria-label="Budget used"
          aria-valuemin={0}
          aria-valuemax={100}
          aria-valuenow={Math.round(part * 100)}
        >
          <span
            className={part > 0.9 ? "budget-used budget-near" : "budget-used"}
            style={{ width: `${part * 100}%` }}
          />
        </span>
      )}
      <span className="fact-more muted tabular">{formatCount(tokens)} tokens</span>
    </>
  );
}
