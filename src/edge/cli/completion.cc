#include "edge/cli/completion.h"

#include <vector>

#include <fmt/format.h>

namespace corral::edge::cli {
namespace {

struct Level {
  std::string path;  // "", "runs", "runs list"
  const CommandInfo* command;
};

void collect(const CommandInfo& command, const std::string& path, std::vector<Level>& into) {
  into.push_back({path, &command});
  for (const auto& sub : command.commands)
    collect(sub, path.empty() ? sub.name : path + " " + sub.name, into);
}

std::vector<Level> levels_of(const CommandInfo& tree) {
  std::vector<Level> levels;
  collect(tree, "", levels);
  return levels;
}

std::string join(const std::vector<std::string>& words, std::string_view between = " ") {
  std::string text;
  for (const auto& word : words)
    text += (text.empty() ? std::string() : std::string(between)) + word;
  return text;
}

// In single quotes, for any of the three shells.
std::string in_quotes(std::string_view text, bool fish = false) {
  std::string result = "'";
  for (const char c : text) {
    if (c == '\'')
      result += fish ? "\\'" : "'\\''";
    else if (c == '\\' && fish)
      result += "\\\\";
    else
      result += c;
  }
  return result + "'";
}

std::vector<std::string> option_words(const CommandInfo& command) {
  std::vector<std::string> words;
  for (const auto& option : command.options)
    words.insert(words.end(), option.names.begin(), option.names.end());
  return words;
}

// The top level's options, which every command takes too; each command has a --help of its own.
CommandInfo common_options(const CommandInfo& tree) {
  CommandInfo common{
      .name = {}, .help = {}, .options = tree.options, .positionals = {}, .commands = {}};
  std::erase_if(common.options,
                [](const OptionInfo& option) { return option.names.front() == "--help"; });
  return common;
}

std::vector<std::string> command_words(const CommandInfo& command) {
  std::vector<std::string> words;
  for (const auto& sub : command.commands) words.push_back(sub.name);
  return words;
}

// Positionals named "run" are completed from the server.
constexpr std::string_view kRunIds =
    "corral runs list --limit 20 --json 2>/dev/null | grep -o '\"id\":\"[0-9a-f-]*\",\"project\"' "
    "| cut -d'\"' -f4";

std::string bash_values(const OptionInfo& option) {
  switch (option.value) {
    case OptionInfo::Value::choice:
      return fmt::format("COMPREPLY=($(compgen -W {} -- \"$cur\"))",
                         in_quotes(join(option.choices)));
    case OptionInfo::Value::file: return "COMPREPLY=($(compgen -f -- \"$cur\"))";
    case OptionInfo::Value::folder: return "COMPREPLY=($(compgen -d -- \"$cur\"))";
    case OptionInfo::Value::none:
    case OptionInfo::Value::text: return "COMPREPLY=()";
  }
  return {};
}

std::string bash(const CommandInfo& tree) {
  std::string out =
      "# corral completion for bash: source <(corral completion bash)\n"
      "_corral() {\n"
      "  local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD-1]} path= word i\n"
      "  for ((i = 1; i < COMP_CWORD; i++)); do\n"
      "    word=${COMP_WORDS[i]}\n"
      "    case \"$path $word\" in\n";
  std::vector<std::string> known;
  for (const auto& [path, command] : levels_of(tree))
    if (!path.empty()) known.push_back(in_quotes(path.contains(' ') ? path : " " + path));
  out += fmt::format("      {}) path=\"${{path:+$path }}$word\" ;;\n    esac\n  done\n",
                     join(known, " | "));
  out += "  case \"$path|$prev\" in\n";
  for (const auto& [path, command] : levels_of(tree))
    for (const auto& option : command->options) {
      if (!option.takes_value) continue;
      std::vector<std::string> patterns;
      // Options of the top level are taken after any command.
      for (const auto& name : option.names)
        patterns.push_back((path.empty() ? "*" : "") + in_quotes(path + "|" + name));
      out += fmt::format("    {}) {}; return ;;\n", join(patterns, " | "), bash_values(option));
    }
  out += "  esac\n  case \"$path\" in\n";
  for (const auto& [path, command] : levels_of(tree)) {
    auto words = command_words(*command);
    std::string more;
    for (const auto& positional : command->positionals) {
      words.insert(words.end(), positional.choices.begin(), positional.choices.end());
      if (positional.names.front() == "run") more = fmt::format(" $({})", kRunIds);
      if (positional.value == OptionInfo::Value::file ||
          positional.value == OptionInfo::Value::folder)
        more += " $(compgen -f -- \"$cur\")";
    }
    auto options = option_words(*command);
    if (!path.empty()) {
      const auto common = option_words(common_options(tree));
      options.insert(options.end(), common.begin(), common.end());
    }
    out += fmt::format(
        "    {}) if [[ $cur == -* ]]; then COMPREPLY=($(compgen -W {} -- \"$cur\")); else "
        "COMPREPLY=($(compgen -W {}\"{}\" -- \"$cur\")); fi ;;\n",
        in_quotes(path), in_quotes(join(options)), in_quotes(join(words)),
        more.empty() ? "" : more);
  }
  out += "  esac\n}\ncomplete -F _corral corral\n";
  return out;
}

std::string zsh_values(const OptionInfo& option) {
  switch (option.value) {
    case OptionInfo::Value::choice: return "(" + join(option.choices) + ")";
    case OptionInfo::Value::file: return "_files";
    case OptionInfo::Value::folder: return "_files -/";
    case OptionInfo::Value::none:
    case OptionInfo::Value::text: return " ";
  }
  return {};
}

std::string zsh_text(std::string_view text) {
  std::string result;
  for (const char c : text) {
    if (c == '[' || c == ']' || c == ':' || c == '\\') result += '\\';
    result += c;
  }
  return result;
}

std::string zsh_function(std::string_view path) {
  std::string name = "_corral";
  if (!path.empty()) name += "_";
  for (const char c : path) name += c == ' ' || c == '-' ? '_' : c;
  return name;
}

std::vector<std::string> zsh_specs(const CommandInfo& command) {
  std::vector<std::string> specs;
  for (const auto& option : command.options)
    for (const auto& name : option.names)
      specs.push_back(
          in_quotes(fmt::format("{}[{}]{}", name, zsh_text(option.help),
                                option.takes_value ? ":value:" + zsh_values(option) : "")));
  return specs;
}

std::string zsh(const CommandInfo& tree) {
  std::string out =
      "#compdef corral\n# corral completion for zsh: corral completion zsh > a file named _corral "
      "in a folder of $fpath\n";
  out += fmt::format(
      "_corral_run_ids() {{ local -a ids; ids=(last $({})); compadd -V runs -a ids; }}\n", kRunIds);
  const auto common = zsh_specs(common_options(tree));
  for (const auto& [path, command] : levels_of(tree)) {
    auto specs = zsh_specs(*command);
    if (!path.empty()) specs.insert(specs.end(), common.begin(), common.end());
    for (const auto& positional : command->positionals)
      specs.push_back(in_quotes(fmt::format(
          ":{}:{}", zsh_text(positional.names.front()),
          positional.names.front() == "run" ? "_corral_run_ids" : zsh_values(positional))));
    out += fmt::format("{}() {{\n  local curcontext=$curcontext state line\n", zsh_function(path));
    if (command->commands.empty()) {
      out += fmt::format("  _arguments -s \\\n    {}\n}}\n", join(specs, " \\\n    "));
      continue;
    }
    out += fmt::format(
        "  _arguments -C -s \\\n    {} \\\n    '1: :->command' '*:: :->rest'\n  case $state in\n   "
        " command) _values command",
        join(specs, " \\\n    "));
    for (const auto& sub : command->commands)
      out += " \\\n      " + in_quotes(sub.name + "[" + zsh_text(sub.help) + "]");
    out += " ;;\n    rest) case $line[1] in\n";
    for (const auto& sub : command->commands)
      out += fmt::format("      {}) {} ;;\n", sub.name,
                         zsh_function(path.empty() ? sub.name : path + " " + sub.name));
    out += "    esac ;;\n  esac\n}\n";
  }
  return out +
         "if [ \"$funcstack[1]\" = _corral ]; then _corral \"$@\"; else compdef _corral corral; "
         "fi\n";
}

std::string fish_option(const OptionInfo& option, const std::string& condition) {
  std::string line = "complete -c corral" + condition;
  for (const auto& name : option.names)
    line += name.starts_with("--") ? " -l " + name.substr(2) : " -s " + name.substr(1);
  if (option.takes_value)
    line += option.value == OptionInfo::Value::file || option.value == OptionInfo::Value::folder
                ? " -r -F"
                : " -x";
  if (option.value == OptionInfo::Value::choice)
    line += " -a " + in_quotes(join(option.choices), true);
  return line + " -d " + in_quotes(option.help, true) + "\n";
}

std::string fish(const CommandInfo& tree) {
  std::string out =
      "# corral completion for fish: corral completion fish > "
      "~/.config/fish/completions/corral.fish\n"
      "complete -c corral -f\n"
      "function __corral_at\n"
      "    set -l words (commandline -opc)[2..-1]\n"
      "    set -l path\n"
      "    for word in $words\n"
      "        string match -q -- '-*' $word; and continue\n"
      "        contains -- (string join ' ' $path $word) $__corral_paths; and set path $path "
      "$word\n"
      "    end\n"
      "    test \"$path\" = \"$argv\"\n"
      "end\n";
  std::vector<std::string> paths;
  const auto levels = levels_of(tree);
  for (const auto& [path, command] : levels)
    if (!path.empty()) paths.push_back(in_quotes(path, true));
  out += fmt::format("set -g __corral_paths {}\n", join(paths));
  for (const auto& option : tree.options) out += fish_option(option, "");
  for (const auto& [path, command] : levels) {
    const auto condition = fmt::format(" -n {}", in_quotes("__corral_at " + path, true));
    for (const auto& sub : command->commands)
      out += fmt::format("complete -c corral{} -a {} -d {}\n", condition, sub.name,
                         in_quotes(sub.help, true));
    for (const auto& positional : command->positionals) {
      if (!positional.choices.empty())
        out += fmt::format("complete -c corral{} -a {}\n", condition,
                           in_quotes(join(positional.choices), true));
      if (positional.names.front() == "run")
        out += fmt::format("complete -c corral{} -a {}\n", condition,
                           in_quotes(fmt::format("last ({})", kRunIds), true));
      if (positional.value == OptionInfo::Value::file ||
          positional.value == OptionInfo::Value::folder)
        out += fmt::format("complete -c corral{} -F\n", condition);
    }
    if (!path.empty())
      for (const auto& option : command->options)
        if (option.names.front() != "--help") out += fish_option(option, condition);
  }
  return out;
}

}  // namespace

std::optional<std::string> completion_script(const CommandInfo& tree, std::string_view shell) {
  if (shell == "bash") return bash(tree);
  if (shell == "zsh") return zsh(tree);
  if (shell == "fish") return fish(tree);
  return std::nullopt;
}

}  // namespace corral::edge::cli
