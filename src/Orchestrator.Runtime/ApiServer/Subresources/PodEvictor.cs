using System.Globalization;
using Orchestrator.Api;
using Orchestrator.Api.CoreV1;
using DeleteOptions = Orchestrator.Runtime.ApiServer.Requests.DeleteOptions;
using Orchestrator.Api.PolicyV1;
using Orchestrator.Control.Disruption;
using Orchestrator.Api.Selectors;
using Orchestrator.Runtime.ApiServer.Resources;
using Orchestrator.Runtime.ApiServer.Writing;

namespace Orchestrator.Runtime.ApiServer.Subresources;

/// <summary>pods/eviction: a deletion that asks the disruption budgets first.</summary>
internal sealed class PodEvictor(
    ResourceRegistry resources, IObjectReader objects, ObjectUpdater updater, ObjectDeleter deleter, TimeProvider clock)
{
    private const int MaxAttempts = 20;

    /// <param name="context">Of the pod.</param>
    /// <exception cref="ApiException">429 with cause DisruptionBudget; 404; 409; 500 if several budgets apply.</exception>
    public async Task EvictAsync(WriteContext context, Eviction eviction, DeleteOptions options, CancellationToken cancellationToken)
    {
        for (int attempt = 1; ; attempt++)
        {
            var pod = await objects.GetLiveAsync<Pod>(context.Namespace, context.Name, cancellationToken).ConfigureAwait(false)
                ?? throw ApiErrors.NotFound(context.View.GroupResource, context.Name);
            var budgets = await BudgetsOfAsync(pod, cancellationToken).ConfigureAwait(false);
            var decision = EvictionDecision.Decide(pod, budgets, clock.GetUtcNow());
            if (decision.Refusal is { } refusal)
                throw new ApiException(refusal);
            try
            {
                // The budget is charged first: if two evictions race, one meets a conflict and all is judged anew.
                if (decision.ChangedBudget is { } charged && !context.IsDryRun)
                    await ChargeAsync(context, charged, cancellationToken).ConfigureAwait(false);
                // What was judged is what is deleted.
                string? version = options.ResourceVersion ?? (decision.BindsVersion ? pod.ResourceVersion : null);
                if (!context.IsDryRun && !pod.IsBeingDeleted && (version is null || version == pod.ResourceVersion))
                {
                    string marked = await MarkAsync(context, pod, cancellationToken).ConfigureAwait(false);
                    version = version is null ? null : marked;
                }

                await deleter.DeleteAsync(
                    context, options with { Uid = options.Uid ?? pod.Uid, ResourceVersion = version }, cancellationToken)
                    .ConfigureAwait(false);
                return;
            }
            catch (ApiException exception) when (exception.IsConflict && options.ResourceVersion is null
                && (options.Uid is null || options.Uid == pod.Uid) && attempt < MaxAttempts)
            {
            }
        }
    }

    private async Task<IReadOnlyList<PodDisruptionBudget>> BudgetsOfAsync(Pod pod, CancellationToken cancellationToken)
    {
        var all = await objects.ListAsync<PodDisruptionBudget>(pod.Namespace, cancellationToken).ConfigureAwait(false);
        var matching = new List<PodDisruptionBudget>();
        foreach (var budget in all.Where(budget => Selector.Of(budget.Spec.Selector).Matches(pod.Labels)))
        {
            // Judged by what is stored now, not by what the cache has.
            if (await objects.GetLiveAsync<PodDisruptionBudget>(
                budget.Namespace, budget.Name, cancellationToken).ConfigureAwait(false) is { } live)
                matching.Add(live);
        }

        return matching;
    }

    /// <summary>Says in the pod's conditions why it goes: whoever made it can tell this end from a failure of its own.</summary>
    /// <returns>The pod's version from then on.</returns>
    private async Task<string> MarkAsync(WriteContext context, Pod pod, CancellationToken cancellationToken)
    {
        var marked = pod.DeepClone();
        var condition = new PodCondition
        {
            Type = "DisruptionTarget",
            Status = "True",
            Reason = "EvictionByEvictionAPI",
            Message = "Eviction API: evicting",
            LastTransitionTime = clock.GetUtcNow(),
        };
        marked.Status.Conditions =
            [.. marked.Status.Conditions.OrEmpty().Where(known => known.Type != condition.Type), condition];
        var view = resources.ViewOf<Pod>();
        var podContext = new WriteContext
        {
            View = view, Namespace = pod.Namespace, Name = pod.Name, User = context.User, Subresource = "status",
            SkipsAdmission = true, FieldManager = "orchestrator",
        };
        // Of the very version that was judged.
        var (state, _) = await updater.UpdateAsync(
            podContext, new ResourceTarget(view, "status"), _ => new Proposal(marked.DeepClone()), cancellationToken)
            .ConfigureAwait(false);
        return state.Revision.ToString(CultureInfo.InvariantCulture);
    }

    private async Task ChargeAsync(WriteContext context, PodDisruptionBudget charged, CancellationToken cancellationToken)
    {
        var view = resources.ViewOf<PodDisruptionBudget>();
        var budgetContext = new WriteContext
        {
            View = view, Namespace = charged.Namespace, Name = charged.Name, User = context.User, Subresource = "status",
            SkipsAdmission = true, FieldManager = "orchestrator",
        };
        await updater.UpdateAsync(
            budgetContext, new ResourceTarget(view, "status"), _ => new Proposal(charged.DeepClone()), cancellationToken)
            .ConfigureAwait(false);
    }
}
