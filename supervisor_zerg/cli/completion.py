"""Completion for shells: scripts that ask ``zergctl complete`` what may come next, so that they know what the table knows. Pure."""

# Of the answer nothing may be expanded: a name may look like a command. bash breaks words at ':', which names have, so the line is
# split anew, and only what follows the last ':' is replaced.
BASH = """\
_zergctl() {
    local typed word
    local -a words
    read -ra words <<< "${COMP_LINE:0:COMP_POINT}"
    [[ ${COMP_LINE:0:COMP_POINT} == *[[:space:]] ]] && words+=("")
    typed=${words[${#words[@]}-1]}
    COMPREPLY=()
    while IFS= read -r word; do
        [[ $word == "$typed"* ]] || continue
        [[ $typed == *:* && $COMP_WORDBREAKS == *:* ]] && word=${word#"${typed%:*}:"}
        printf -v word %q "$word"
        COMPREPLY+=("$word")
    done < <(zergctl complete "${words[@]:1:${#words[@]}-2}" 2>/dev/null)
}
complete -F _zergctl zergctl
"""

# In a folder of $fpath the script is itself the function, which is called the first time that it is read.
ZSH = """\
#compdef zergctl
_zergctl() {
    local -a found
    found=(${(f)"$(zergctl complete ${words[2,CURRENT-1]} 2>/dev/null)"})
    compadd -- $found
}
if [[ $funcstack[1] == _zergctl ]]; then _zergctl "$@"; else compdef _zergctl zergctl; fi
"""

SCRIPTS = {"bash": BASH, "zsh": ZSH}


def behind_options(words, commands):
    """The words from the command on: what stands before it are options of supervisorctl."""
    start = next((place for place, word in enumerate(words) if word in commands), len(words))
    return list(words[start:])
