# Completion of the program `reeve` for bash: commands, options, and words that options take.
# Held equal to what --help says by tests/client/test_completion.py. Never asks the broker.

declare -A _reeve_options=(
    [submit]="--broker --events --json --give-up --params --queue --priority --delay --key --name
              --description --metadata --timeout --max-attempts --group --owner --id --wait --watch
              --wait-timeout --help --version"
    [get]="--broker --events --json --give-up --help --version"
    [list]="--broker --events --json --give-up --status --type --queue --owner --limit --cursor
            --oldest-first --help --version"
    [wait]="--broker --events --json --give-up --timeout --help --version"
    [watch]="--broker --events --json --give-up --timeout --after --help --version"
    [logs]="--broker --events --json --give-up --limit --follow --after --level --help --version"
    [result]="--broker --events --json --give-up --help --version"
    [cancel]="--broker --events --json --give-up --reason --help --version"
    [retry]="--broker --events --json --give-up --help --version"
    [delete]="--broker --events --json --give-up --help --version"
    [stats]="--broker --events --json --give-up --help --version"
)
_reeve_commands="submit get list wait watch logs result cancel retry delete stats"
_reeve_valued=" --broker --events --give-up --params --queue --priority --delay --key --name
    --description --metadata --timeout --max-attempts --group --owner --id --wait-timeout --status
    --type --limit --cursor --after --level --reason -b -p -q -P -d -k -n -m -t -s -l -r "

# The first word that is neither an option nor an option's value.
_reeve_command() {
    local i
    for ((i = 1; i < COMP_CWORD; i++)); do
        if [[ $_reeve_valued == *[[:space:]]"${COMP_WORDS[i]}"[[:space:]]* ]]; then
            i=$((i + 1))
        elif [[ ${COMP_WORDS[i]} != -* ]]; then
            echo "${COMP_WORDS[i]}"
            return
        fi
    done
}

_reeve() {
    local word=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD - 1]}
    local command
    command=$(_reeve_command)
    COMPREPLY=()
    case $before in
    --status | -s)
        COMPREPLY=($(compgen -W "scheduled blocked pending running waiting completed failed \
                                 cancelled" -- "$word"))
        ;;
    --level)
        COMPREPLY=($(compgen -W "debug info warning error" -- "$word"))
        ;;
    --params | -p)
        [[ $word == @* ]] && COMPREPLY=($(compgen -P @ -f -- "${word#@}"))
        ;;
    *)
        if [[ $word == -* ]]; then
            COMPREPLY=($(compgen -W "${_reeve_options[${command:-get}]}" -- "$word"))
        elif [[ -z $command && $_reeve_valued != *[[:space:]]"$before"[[:space:]]* ]]; then
            COMPREPLY=($(compgen -W "$_reeve_commands" -- "$word"))
        fi
        ;;
    esac
}

complete -F _reeve reeve
