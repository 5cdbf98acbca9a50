// Lists begin short and grow by a page at a time.
export const pageSize = 50;
const largestList = 500; // what the API gives at once

export function ShowMore({ limit, onMore }: { limit: number; onMore: (limit: number) => void }) {
  return (
    <div className="show-more">
      {limit < largestList ? (
        <button
          type="button"
          className="button"
          onClick={() => onMore(Math.min(limit + pageSize, largestList))}
        >
          Show more
        </button>
      ) : (
        <span className="muted small">These are the latest {largestList}. Filter to find older ones.</span>
      )}
    </div>
  );
}
