using System.CommandLine;

namespace Orchestrator.Host.Commands;

/// <summary><c>orchestrator completion bash|zsh|fish</c>: the script that a shell reads at its start.</summary>
/// <remarks>The scripts ask the program itself, by System.CommandLine's directive <c>[suggest:POSITION]</c>.</remarks>
internal static class CompletionCommand
{
    public static Command Create()
    {
        var shell = new Argument<string>("SHELL") { Description = "bash, zsh or fish" };
        shell.AcceptOnlyFromAmong("bash", "zsh", "fish");
        var command = new Command("completion", "Print a script that completes commands in a shell: source <(orchestrator completion bash)") { shell };
        CommonOptions.SetAction(command, async (result, _) =>
        {
            await Console.Out.WriteLineAsync(result.GetValue(shell) switch { "zsh" => Zsh, "fish" => Fish, _ => Bash });
            return 0;
        });
        return command;
    }

    private const string Bash = """
        _orchestrator() {
            local IFS=$'\n'
            COMPREPLY=( $(compgen -W "$(orchestrator "[suggest:${COMP_POINT}]" "${COMP_LINE}" 2>/dev/null)" -- "${COMP_WORDS[COMP_CWORD]}") )
        }
        complete -F _orchestrator orchestrator
        """;

    private const string Zsh = """
        #compdef orchestrator
        _orchestrator() {
            local -a found
            found=("${(@f)$(orchestrator "[suggest:${CURSOR}]" "${BUFFER}" 2>/dev/null)}")
            compadd -- "${found[@]}"
        }
        compdef _orchestrator orchestrator
        """;

    private const string Fish = """
        complete -c orchestrator -f -a '(orchestrator "[suggest:"(commandline -C)"]" (commandline -cp) 2>/dev/null)'
        """;
}
