#include "engine/step_kind.h"
#include "engine/transcript.h"

namespace corral::engine {
namespace {

constexpr std::size_t kReadSlice = 1u << 20;
constexpr std::size_t kMaxTimeline = 64u << 20;

// Keeps what people look at afterwards: diff, transcript, timeline, report. Works outside every
// workspace.
class ArtifactsKind final : public StepKind {
 public:
  domain::KindRules rules() const override {
    return {.name = "artifacts",
            .description = "keeps the diff, the transcript and a report",
            .fields = {},
            .outputs = {}};
  }
  bool needs_workspace() const override { return false; }

  Task<Result<StepEnd>> execute(StepContext& context) const override {
    const auto& run = context.run;
    const std::string head = run.commit.value_or(run.snapshot);
    if (!run.base_commit.empty() && !head.empty()) {
      auto diff =
          co_await context.core.deps.mirrors.diff(run.request.project, run.base_commit, head);
      if (!diff)
        co_return StepEnd{.failure =
                              domain::Failure{diff.error().code, "the diff could not be made: " +
                                                                     diff.error().describe()}};
      CORRAL_CO_CHECK(co_await keep(context, "diff.patch", "text/x-diff", *std::move(diff)));
    }
    CORRAL_CO_TRY(auto timeline, co_await read_all(*context.timeline));
    CORRAL_CO_CHECK(co_await keep(context, "transcript.md", "text/markdown; charset=utf-8",
                                  render_transcript(context.run, timeline)));
    CORRAL_CO_CHECK(
        co_await keep(context, "timeline.ndjson", "application/x-ndjson", std::move(timeline)));
    CORRAL_CO_CHECK(co_await keep(context, "report.json", "application/json",
                                  render_report(context.run, context.core.deps.clock.now())));
    co_return StepEnd{};
  }

 private:
  static Task<Result<void>> keep(StepContext& context, std::string name, std::string media_type,
                                 std::string content) {
    const auto size = static_cast<std::int64_t>(content.size());
    CORRAL_CO_TRY(auto hash, co_await context.core.deps.blobs.put(std::move(content)));
    co_return co_await context.tell(
        domain::AddArtifact{std::move(name), std::move(media_type), std::move(hash), size});
  }

  static Task<Result<std::string>> read_all(session::Log& log) {
    std::string all;
    while (all.size() < log.end() && all.size() < kMaxTimeline) {
      CORRAL_CO_TRY(const auto part, co_await log.read(all.size(), kReadSlice));
      all += part;
    }
    co_return all;
  }
};

}  // namespace

std::unique_ptr<StepKind> make_artifacts_kind() { return std::make_unique<ArtifactsKind>(); }

}  // namespace corral::engine
