# SPDX-License-Identifier: GPL-2.0-or-later
# Completion of bulkhead(1) for bash: source it, or install it as
# /usr/share/bash-completion/completions/bulkhead. Held to "bulkhead help" by tests/unit/manual.

# Values of one JSON key in what the daemon lists; nothing when it does not answer soon. Only what
# cannot mean anything to a shell is taken.
_bulkhead_ask() {
  local key=$1
  shift
  timeout 2 "${COMP_WORDS[0]}" --json "$@" 2>/dev/null |
    sed -n 's/^ *"'"$key"'": "\{0,1\}\([A-Za-z0-9][A-Za-z0-9._-]*\)"\{0,1\},\{0,1\}$/\1/p'
}

_bulkhead() {
  local cur=${COMP_WORDS[COMP_CWORD]} IFS=$' \t\n'
  # What each command takes beside --json, --bus, --help, --version.
  local -A options=(
    [start]='--wait --no-wait --paused'
    [stop]='--all --force --wait --no-wait'
    [restart]='--wait --no-wait'
    [status]='' [list]=''
    [run]='--root --timeout --raw'
    [console]='--raw'
    ['device list']=''
    ['device lend']='--write'
    ['device take-back']=''
    ['flow list']=''
    ['net status']=''
    ['audit tail']='--lines -n'
    ['audit verify']=''
    ['spec check']='' ['spec apply']='--message -m' ['spec show']='--level --all --files --version'
    ['spec graph']='--text --svg --dot' ['spec schema']=''
    ['spec history']='' ['spec rollback']='--message -m'
    ['spec format']='--check --migrate' ['spec explain']='' ['spec risks']=''
    ['spec diff']='' ['spec lower']=''
    ['spec new']='--folder --title --rank --compartments --colour --image --memory --uplink --yes -y'
    ['spec approve']='' ['spec approvals']=''
    [doctor]=''
    [events]='--count -n'
    [version]='' [help]=''
  )
  # Its arguments in order; the last of start, stop and restart repeats.
  local -A arguments=(
    [start]='level level*' [stop]='level level*' [restart]='level level*'
    [status]='level' [run]='level' [console]='level'
    ['device lend']='device level' ['device take-back']='device'
    ['net status']='level' ['audit verify']='file'
    ['spec explain']='level level folder' ['spec risks']='folder' ['spec lower']='level folder'
    ['spec check']='folder' ['spec apply']='folder' ['spec format']='path path*' ['spec diff']='set set' ['spec rollback']='version'
    ['spec approve']='folder'
    ['spec show']='folder' ['spec graph']='folder' ['spec schema']='kind' [help]='command command'
  )

  local i word command='' group='' bus=() given=()
  for ((i = 1; i < COMP_CWORD; i++)); do
    word=${COMP_WORDS[i]}
    case $word in
      --bus) ((++i)); [[ $i -lt $COMP_CWORD ]] || return 0; bus=(--bus "${COMP_WORDS[i]}") ;;
      --level|--folder|--svg)
        ((++i)); [[ $i -lt $COMP_CWORD ]] || { _bulkhead_value "${word#--}"; return 0; } ;;
      --timeout|--lines|--count|-n|--message|-m|--title|--rank|--compartments|--colour|--image|--memory|--uplink) ((++i)); [[ $i -lt $COMP_CWORD ]] || return 0 ;;
      --) return 0 ;;
      -*) ;;
      *)
        if [[ -n $command ]]; then given+=("$word")
        elif [[ -n $group && -n ${options["$group $word"]+there} ]]; then command="$group $word"
        elif [[ -z $group && -n ${options[$word]+there} ]]; then command=$word
        elif [[ -z $group ]]; then group=$word
        else return 0; fi ;;
    esac
  done

  local words=''
  if [[ $cur == -* ]]; then
    words="--json --bus --help -h --version ${command:+${options[$command]}}"
  elif [[ -z $command ]]; then
    words=$(_bulkhead_next "$group")
  else
    local kinds=(${arguments[$command]-}) n=${#given[@]}
    local last=$((${#kinds[@]} - 1)) kind=''
    if ((n <= last)); then kind=${kinds[n]%\*}
    elif ((last >= 0)) && [[ ${kinds[last]} == *\* ]]; then kind=${kinds[last]%\*}; fi
    case $kind in
      level) words=$(_bulkhead_ask name "${bus[@]}" list) ;;
      device) words=$(_bulkhead_ask id "${bus[@]}" device list) ;;
      command) words=$(_bulkhead_next "${given[0]-}") ;;
      kind) words='level flows networks devices host template level.d flows.d networks.d devices.d host.d' ;;
      version) words=$(_bulkhead_ask version "${bus[@]}" spec history) ;;
      file|path|folder|set) _bulkhead_value "$kind"; return 0 ;;
    esac
    # A level once named is not offered again.
    for word in "${given[@]}"; do words=" ${words//$'\n'/ } "; words=${words// "$word" / }; done
  fi
  mapfile -t COMPREPLY < <(compgen -W "$words" -- "$cur")
}

# Offers what a file, a folder, a set ("applied", or a folder) or a level can be; reads `cur` and
# `bus` of _bulkhead, which calls it.
_bulkhead_value() {
  [[ $1 == level ]] || compopt -o filenames 2>/dev/null
  case $1 in
    level) mapfile -t COMPREPLY < <(compgen -W "$(_bulkhead_ask name "${bus[@]}" list)" -- "$cur") ;;
    file|path|svg) mapfile -t COMPREPLY < <(compgen -f -- "$cur") ;;
    folder) mapfile -t COMPREPLY < <(compgen -d -- "$cur") ;;
    set) mapfile -t COMPREPLY < <(compgen -d -- "$cur"; compgen -W applied -- "$cur") ;;
  esac
}

# The words that can follow: first words of commands, or second ones after a group like "device".
# Reads the table of _bulkhead, which calls it.
_bulkhead_next() {
  local name
  for name in "${!options[@]}"; do
    if [[ -z $1 ]]; then echo "${name%% *}"
    elif [[ $name == "$1 "* ]]; then echo "${name#* }"; fi
  done | sort -u
}

complete -F _bulkhead bulkhead
