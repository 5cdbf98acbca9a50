# Shared by the scripts: sourced, never run. Quiet when well: commands run through `step`, which shows their output only
# when they fail. Logs are kept in build/logs.
# shellcheck shell=bash
set -euo pipefail

cd "$(dirname "${BASH_SOURCE[0]}")/../.."
root=$PWD
logs=$root/build/logs
tools=$root/build/tools
mkdir -p "$logs" "$tools"
export CCACHE_DIR=${CCACHE_DIR:-$root/build/ccache} PATH="$tools/node/node_modules/.bin:$PATH"
export npm_config_update_notifier=false npm_config_fund=false npm_config_audit=false

if [ -t 1 ] && [ -z "${NO_COLOR:-}" ]; then bold=$'\033[1m' dim=$'\033[2m' red=$'\033[31m' green=$'\033[32m' plain=$'\033[0m'
else bold='' dim='' red='' green='' plain=''; fi
say() { printf '%s\n' "$*"; }
die() { printf '%s%s%s\n' "$red" "$*" "$plain" >&2; exit 1; }

# step NAME COMMAND…: one line when it works, the end of its output when it does not.
step() {
  local name=$1 started=$SECONDS log; shift
  log=$logs/$(printf '%s' "$name" | tr -cs 'A-Za-z0-9' '-').log
  if [ -t 1 ]; then printf '%s… %s' "$dim" "$name$plain"; fi
  if "$@" >"$log" 2>&1 </dev/null; then
    if [ -t 1 ]; then printf '\r\033[K'; fi
    printf '%s✓%s %s %s(%ds)%s\n' "$green" "$plain" "$name" "$dim" $((SECONDS - started)) "$plain"
  else
    local status=$?
    if [ -t 1 ]; then printf '\r\033[K'; fi
    printf '%s✗ %s%s (exit %d); the end of %s:\n' "$red" "$name" "$plain" "$status" "${log#"$root"/}" >&2
    tail -n 40 "$log" | cut -c1-400 >&2
    return "$status"
  fi
}

as_root() {
  if [ "$(id -u)" = 0 ]; then "$@"
  elif command -v sudo >/dev/null; then sudo "$@"
  else die "this needs root to install packages: run it as root, install sudo, or install by hand: $*"; fi
}

# need_packages GROUP…: installs what is missing of the groups in script/packages.
need_packages() {
  local missing=() group package groups=" $* "
  while read -r group package _; do
    case "$groups" in *" $group "*) ;; *) continue ;; esac
    [ "$package" = git ] && command -v git >/dev/null && continue
    dpkg-query -W -f='${Status}' "$package" 2>/dev/null | grep -q 'install ok installed' || missing+=("$package")
  done < <(grep -v '^#' script/packages)
  [ ${#missing[@]} = 0 ] && return 0
  command -v apt-get >/dev/null || die "missing: ${missing[*]} (Corral's scripts install them on Debian 12; here install their equals by hand)"
  step "package list" as_root apt-get update -qq
  step "install ${#missing[@]} Debian packages" as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends "${missing[@]}"
}

# need_promtool: build/tools/prometheus/usr/bin/promtool. Debian's package would also start a server of its own, so
# the program alone is taken out of it.
need_promtool() {
  local folder=$tools/prometheus
  [ ! -x "$folder/usr/bin/promtool" ] || return 0
  step "promtool" sh -c "rm -rf '$folder' && mkdir -p '$folder' && cd '$folder' && chmod 755 . && { apt-get download prometheus || { $(command -v sudo) apt-get update && apt-get download prometheus; }; } && dpkg-deb -x prometheus_*.deb . && rm -f prometheus_*.deb usr/bin/prometheus"
}

# Node for building the web UI and for test tools; Debian 12's own (18) is too old, npm's package `node` brings a newer.
need_node() {
  if ! command -v npm >/dev/null; then
    step "package list" as_root apt-get update -qq
    step "install nodejs and npm" as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends nodejs npm
  fi
  local node_major npm_major
  node_major=$(node --version 2>/dev/null | sed 's/^v\([0-9]*\).*/\1/'); npm_major=$(npm --version 2>/dev/null | cut -d. -f1)
  if [ "${node_major:-0}" -lt 20 ] || [ "${npm_major:-0}" -lt 11 ]; then
    step "a newer Node" npm install --prefix "$tools/node" --no-save --no-package-lock node@22 npm@11
    hash -r
  fi
}

# npm_packages FOLDER NAME: the packages of its lock file, when it changed since the last time.
npm_packages() {
  local stamp=$1/node_modules/.lock
  cmp -s "$1/package-lock.json" "$stamp" 2>/dev/null && return 0
  step "$2" npm ci --prefix "$1"
  cp "$1/package-lock.json" "$stamp"
}

# need_python: build/tools/venv with the PyPI packages of script/requirements.txt.
need_python() {
  local stamp=$tools/venv/.stamp
  if ! cmp -s script/requirements.txt "$stamp" 2>/dev/null; then
    rm -rf "$tools/venv"
    step "Python test tools" sh -c "/usr/bin/python3 -m venv '$tools/venv' && '$tools/venv/bin/pip' install -q -r script/requirements.txt"
    cp script/requirements.txt "$stamp"
  fi
}

# One compile job a core, but never more than memory allows (2 GB each).
jobs() {
  local cores memory
  cores=$(nproc); memory=$(awk '/MemAvailable/ {print int($2 / 2097152)}' /proc/meminfo)
  [ "$memory" -lt 1 ] && memory=1
  if [ "$cores" -lt "$memory" ]; then echo "$cores"; else echo "$memory"; fi
}

# The C++ that clang-format keeps in shape.
cxx_sources() { git ls-files 'src/*.cc' 'src/*.h' 'tests/*.cc' 'bench/*.cc' 'bench/*.h'; }
check_format() { cxx_sources | xargs clang-format-19 --dry-run -Werror; }

# configure PRESET [-D…]; build PRESET [TARGET…]
configure() { step "configure $1" cmake --preset "$@"; }
compile() { local preset=$1; shift; step "compile $preset" cmake --build --preset "$preset" -j "$(jobs)" ${1:+--target "$@"}; }

# The web UI, when its sources changed since the last time.
build_web() {
  local stamp=build/web.stamp sum
  sum=$( (git ls-files -co --exclude-standard web; echo "$1") | sort | while read -r file; do [ -f "$file" ] && sha256sum "$file"; done | sha256sum)
  if [ -f web/dist/index.html ] && [ "$(cat "$stamp" 2>/dev/null)" = "$sum" ]; then return 0; fi
  need_node
  npm_packages web "web packages"
  step "web UI" env CORRAL_OPENAPI="$1" npm run --prefix web build
  printf '%s' "$sum" > "$stamp"
}
