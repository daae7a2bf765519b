# SPDX-License-Identifier: GPL-2.0-or-later
# Shared by ./try, ./check and setup/install: words, times, and stopping with one clear sentence.

# The start of every step's clock, in milliseconds since the machine's boot.
now_ms() { awk '{printf "%d", $1 * 1000}' /proc/uptime; }

# 83000 -> "1 m 23 s"
spell_ms() {
  local s=$(( ($1 + 500) / 1000 ))
  if (( $1 < 9950 )); then printf '%d.%d s' $(( $1 / 1000 )) $(( $1 % 1000 / 100 ));
  elif (( s < 60 )); then printf '%d s' "$s";
  else printf '%d m %02d s' $(( s / 60 )) $(( s % 60 )); fi
}

if [[ -t 1 && -z ${NO_COLOR:-} ]]; then bold=$'\e[1m' red=$'\e[31m' green=$'\e[32m' dim=$'\e[2m' plain=$'\e[0m'
else bold='' red='' green='' dim='' plain=''; fi

# die "what went wrong" "what to do": one sentence each, exit 1.
die() {
  [[ -t 1 ]] && printf '\r\e[K'
  printf '%serror:%s %s\n' "$red" "$plain" "$1" >&2
  [[ -n ${2:-} ]] && printf '       %s\n' "$2" >&2
  exit 1
}

# step_begin N OF NAME: shows what is going on; on a terminal with a running clock.
step_begin() {
  step_no=$1 step_of=$2 step_name=$3 step_t0=$(now_ms) step_ticker=''
  if [[ -t 1 ]]; then
    ( trap - EXIT ERR
      while sleep 0.5; do
        printf '\r\e[K%2d/%d  %-18s %s%s%s' "$step_no" "$step_of" "$step_name" "$dim" \
          "$(spell_ms $(( $(now_ms) - step_t0 )))${step_expect:+ of about $step_expect}" "$plain"
      done ) & step_ticker=$!
  fi
}

# step_end "what came of it": closes the line with the time it took.
step_end() {
  step_stop_ticker
  [[ -t 1 ]] && printf '\r\e[K'
  printf '%2d/%d  %-18s %-64s %s\n' "$step_no" "$step_of" "$step_name" "$1" \
    "$(spell_ms $(( $(now_ms) - step_t0 )))"
}

step_stop_ticker() {
  if [[ -n ${step_ticker:-} ]]; then
    kill "$step_ticker" 2>/dev/null || true
    wait "$step_ticker" 2>/dev/null || true
    step_ticker=''
  fi
}

# run_logged LOG CMD...: output into LOG; on failure its last lines, the log's name and exit 1.
run_logged() {
  local log=$1 rc=0
  shift
  "$@" >>"$log" 2>&1 </dev/null || rc=$?
  (( rc == 0 )) && return 0
  step_stop_ticker
  [[ -t 1 ]] && printf '\r\e[K'
  tail -n 25 "$log" >&2
  die "step \"${step_name:-$1}\" failed: $* ended with $rc" "The whole output is in $log. Mend the cause and run the same command again."
}

need_root() {
  [[ $(id -u) == 0 ]] || die "this needs root: it sets up virtual machines and networks" "Run: sudo $0 $*"
}

# Refuses systems we do not support, with the reason. Sets debian_version (12, 13).
need_debian() {
  local ID='' VERSION_ID=''
  # shellcheck disable=SC1091
  [[ -r /etc/os-release ]] && . /etc/os-release
  [[ $ID == debian && ( $VERSION_ID == 12 || $VERSION_ID == 13 ) ]] ||
    die "this is ${ID:-an unknown system} ${VERSION_ID:-}, and Bulkhead runs on Debian 12 and 13" \
        "Try it in a Debian 13 machine or virtual machine."
  [[ $(uname -m) == x86_64 ]] || die "this processor is $(uname -m), and Bulkhead runs on x86_64" ""
  debian_version=$VERSION_ID
}

# The mirror of Debian's main archive that this machine uses.
debian_mirror() {
  apt-get indextargets --format '$(CODENAME) $(COMPONENT) $(REPO_URI)' 'Created-By: Packages' |
    awk '$2 == "main" && $1 ~ /^(bookworm|trixie)$/ { print $3; exit }'
}

# The lines of sources.list for a suite, from that mirror.
debian_sources() {
  local mirror; mirror=$(debian_mirror)
  [[ -n $mirror ]] || die "no Debian mirror is configured on this machine" "Add bookworm or trixie main to /etc/apt/sources.list."
  printf '%s\n' "deb $mirror $1 main" "deb $mirror $1-updates main" "deb ${mirror%/}-security $1-security main"
}

# need_space FOLDER MiB WHAT
need_space() {
  local have
  mkdir -p "$1"
  have=$(df --output=avail -m "$1" | tail -n 1)
  (( have >= $2 )) || die "only $have MiB are free under $1, and $3 needs $2 MiB" "Free some space there and run the same command again."
}
