namespace Orchestrator.Host;

/// <summary>A command cannot be done; the message is one line for whoever gave it and says what to do.</summary>
internal sealed class CommandException(string message, int exitCode = CommandException.Failure) : Exception(message)
{
    public const int Failure = 1;

    /// <summary>minikube's code for a profile that is not there.</summary>
    public const int ProfileNotFound = 85;

    public int ExitCode { get; } = exitCode;
}
