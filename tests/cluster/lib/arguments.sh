# shellcheck shell=bash disable=SC2034
# The options of all commands: `--name e2e` and `--name=e2e`, each command naming those that it takes.

NAME=e2e NODES=3 FLAGS=" " WORDS=()

parse_arguments() { # "TAKEN OPTIONS" ARGUMENT... : sets NAME, NODES, FLAGS and WORDS; prints usage and ends on --help
  local taken=" $1 "
  shift
  while [ $# -gt 0 ]; do
    case $1 in
      -h | --help) usage && exit 0 ;;
      --name=* | --nodes=*) set -- "${1%%=*}" "${1#*=}" "${@:2}" && continue ;;
      --name | --nodes) take_value "$taken" "$@" && shift ;;
      --*) take_flag "$taken" "$1" ;;
      *) [[ $taken == *" words "* ]] || refuse "unexpected argument \`$1\`"; WORDS+=("$1") ;;
    esac
    shift
  done
}

take_value() { # TAKEN OPTION VALUE...
  [[ $1 == *" ${2#--} "* ]] || refuse "unknown option \`$2\`"
  case $2 in
    --name) NAME=${3:-} && check_name ;;
    --nodes) NODES=${3:-} && check_nodes ;;
  esac
}

take_flag() { # TAKEN FLAG
  [[ $1 == *" ${2#--} "* ]] || refuse "unknown option \`$2\`"
  FLAGS+="${2#--} "
}

flag() { [[ $FLAGS == *" $1 "* ]]; }

check_name() { # the name is part of host names, cgroups and socket paths
  [[ $NAME =~ ^[a-z]([a-z0-9-]{0,14}[a-z0-9])?$ ]] || refuse "a cluster's name is 1 to 16 of a-z, 0-9 and -, not \`$NAME\`"
}

check_nodes() {
  [[ $NODES =~ ^[1-9]$ ]] || refuse "--nodes takes a number from 1 to 9, not \`$NODES\`"
}

refuse() { # SENTENCE : a mistake in the command line
  printf 'error: %s\n' "$1" >&2
  printf 'hint: %s --help\n' "$0" >&2
  exit 2
}
