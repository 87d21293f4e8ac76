using Orchestrator.Api.CoreV1;
using Orchestrator.Runtime.Kubelet.Cri;

namespace Orchestrator.Runtime.Kubelet.Pods;

/// <summary>A container that has failed without a message leaves the end of its log as one, where its policy asks for that.</summary>
internal sealed class LastWords(IContainerRuntime runtime)
{
    private const int LineLimit = 80;
    private const int CharacterLimit = 2048;

    /// <summary>By container's id, which never comes again.</summary>
    private readonly Dictionary<string, string> _known = [];

    public async Task<IReadOnlyList<RuntimeContainer>> AddToAsync(IReadOnlyList<RuntimeContainer> containers, Pod pod, CancellationToken ct)
    {
        HashSet<string> asking = [.. PodContainer.Of(pod)
            .Where(container => container.Spec.TerminationMessagePolicy == "FallbackToLogsOnError").Select(container => container.Name)];
        if (asking.Count == 0)
            return containers;
        var told = new List<RuntimeContainer>();
        foreach (RuntimeContainer container in containers)
        {
            bool asks = container is { State: RuntimeContainerState.Exited, ExitCode: not 0, Message: "" } && asking.Contains(container.Name);
            told.Add(asks ? container with { Message = await OfAsync(container.Id, ct) } : container);
        }
        return told;
    }

    private async Task<string> OfAsync(string containerId, CancellationToken ct)
    {
        if (_known.TryGetValue(containerId, out string? known))
            return known;
        var lines = new Queue<string>();
        await foreach (LogLine line in runtime.ReadLogAsync(containerId, follow: false, ct))
        {
            lines.Enqueue(line.Text);
            if (lines.Count > LineLimit)
                lines.Dequeue();
        }
        string text = string.Join('\n', lines);
        return _known[containerId] = text.Length <= CharacterLimit ? text : text[^CharacterLimit..];
    }
}
