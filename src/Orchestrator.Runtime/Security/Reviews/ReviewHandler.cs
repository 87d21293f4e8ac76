using Orchestrator.Api;
using Orchestrator.Runtime.ApiServer;

namespace Orchestrator.Runtime.Security.Reviews;

/// <summary>A review of one kind: what is posted comes back with its status filled in.</summary>
internal abstract class ReviewHandler<T> : IReviewHandler
    where T : class, IKubernetesObject<T>
{
    public GroupVersionKind Kind => T.StaticKind;

    public async Task<IKubernetesObject> CreateAsync(IKubernetesObject review, ReviewContext context, CancellationToken cancellationToken) =>
        await CreateAsync((T)review, context, cancellationToken);

    protected abstract ValueTask<T> CreateAsync(T review, ReviewContext context, CancellationToken cancellationToken);
}
