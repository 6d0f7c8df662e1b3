"""Completion for shells: scripts that ask ``zergctl complete`` what may come next, so that they know what the table knows. Pure."""

BASH = """\
_zergctl() {
    local words
    words=$(zergctl complete "${COMP_WORDS[@]:1:COMP_CWORD-1}" 2>/dev/null)
    COMPREPLY=($(compgen -W "$words" -- "${COMP_WORDS[COMP_CWORD]}"))
}
complete -F _zergctl zergctl
"""

ZSH = """\
#compdef zergctl
_zergctl() {
    local -a found
    found=(${(f)"$(zergctl complete ${words[2,CURRENT-1]} 2>/dev/null)"})
    compadd -- $found
}
compdef _zergctl zergctl
"""

SCRIPTS = {"bash": BASH, "zsh": ZSH}


def behind_options(words, commands):
    """The words from the command on: what stands before it are options of supervisorctl."""
    start = next((place for place, word in enumerate(words) if word in commands), len(words))
    return list(words[start:])
