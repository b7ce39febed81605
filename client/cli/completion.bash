# Completion of the program `reeve` for bash: commands, options, and words that options take.
# Has no list of its own: it reads what the program's --help says. Never asks the broker.

# The commands, one a line.
_reeve_commands() {
    "$1" --help 2>/dev/null | sed -n '/^Commands:/,/^$/s/^  \([a-z][a-z-]*\) .*/\1/p'
}

# The long options of a command, one a line; with "valued", only those that take a value, and
# their letters too.
_reeve_options() {
    local line='^ *\(\(-[a-zA-Z]\), \)\{0,1\}\(--[a-z-]*\)'
    if [[ $3 == valued ]]; then
        "$1" $2 --help 2>/dev/null | sed -n "s/$line [A-Z0-9].*/\2\n\3/p"
    else
        "$1" $2 --help 2>/dev/null | sed -n "s/$line.*/\3/p"
    fi
}

# The first word that is neither an option nor the value of one that all commands take.
_reeve_command() {
    local i valued
    valued=" $(_reeve_options "${COMP_WORDS[0]}" "" valued | tr '\n' ' ')"
    for ((i = 1; i < COMP_CWORD; i++)); do
        if [[ $valued == *" ${COMP_WORDS[i]} "* ]]; then
            i=$((i + 1))
        elif [[ ${COMP_WORDS[i]} != -* ]]; then
            echo "${COMP_WORDS[i]}"
            return
        fi
    done
}

_reeve() {
    local word=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD - 1]}
    local program=${COMP_WORDS[0]} command
    command=$(_reeve_command)
    COMPREPLY=()
    case $before in
    --status | -s)
        COMPREPLY=($(compgen -W "scheduled blocked pending running waiting completed failed \
                                 cancelled" -- "$word"))
        ;;
    --role)
        COMPREPLY=($(compgen -W "producer worker gateway admin observer" -- "$word"))
        ;;
    --curve-key)
        COMPREPLY=($(compgen -f -- "$word"))
        ;;
    --level)
        COMPREPLY=($(compgen -W "debug info warning error" -- "$word"))
        ;;
    --misfire)
        COMPREPLY=($(compgen -W "once skip all" -- "$word"))
        ;;
    --overlap)
        COMPREPLY=($(compgen -W "allow skip replace" -- "$word"))
        ;;
    --params | -p)
        [[ $word == @* ]] && COMPREPLY=($(compgen -P @ -f -- "${word#@}"))
        ;;
    *)
        if [[ $word == -* ]]; then
            COMPREPLY=($(compgen -W "$(_reeve_options "$program" "$command")" -- "$word"))
        elif [[ $before == schedule ]]; then
            COMPREPLY=($(compgen -W "set list show pause resume run delete preview" -- "$word"))
        elif [[ -z $command ]] &&
            ! _reeve_options "$program" "" valued | grep -qx -- "${before:-.}"; then
            COMPREPLY=($(compgen -W "$(_reeve_commands "$program")" -- "$word"))
        fi
        ;;
    esac
}

complete -F _reeve reeve
