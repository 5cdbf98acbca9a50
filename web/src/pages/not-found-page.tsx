import { Link } from "../base/router";
import { useTitle } from "../base/use-title";

export function NotFoundPage() {
  useTitle("Not found");
  return (
    <div className="page page-narrow">
      <h1>There is nothing here</h1>
      <p>
        <Link href="/runs">All runs</Link>
      </p>
    </div>
  );
}
