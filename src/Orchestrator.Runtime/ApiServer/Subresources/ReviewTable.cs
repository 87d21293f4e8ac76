using Orchestrator.Api;

namespace Orchestrator.Runtime.ApiServer.Subresources;

/// <summary>Who answers to which kind that is never stored.</summary>
internal sealed class ReviewTable(IEnumerable<IReviewHandler> handlers)
{
    private readonly Dictionary<GroupVersionKind, IReviewHandler> _handlers = handlers.ToDictionary(handler => handler.Kind);

    public IReviewHandler? Find(GroupVersionKind kind) => _handlers.GetValueOrDefault(kind);
}
