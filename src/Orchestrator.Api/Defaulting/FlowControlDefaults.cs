using Orchestrator.Api.FlowcontrolV1;

namespace Orchestrator.Api.Defaulting;

/// <summary>What flow schemas and priority levels leave open.</summary>
internal static class FlowControlDefaults
{
    private const int Precedence = 1_000;
    private const int Shares = 30;
    private const int HandSize = 8;
    private const int Queues = 64;
    private const int QueueLengthLimit = 50;

    public static void Apply(FlowSchema schema) => schema.Spec.MatchingPrecedence = Defaults.Filled(schema.Spec.MatchingPrecedence, Precedence);

    public static void Apply(PriorityLevelConfiguration level)
    {
        if (level.Spec.Exempt is { } exempt)
        {
            exempt.NominalConcurrencyShares ??= 0;
            exempt.LendablePercent ??= 0;
        }
        if (level.Spec.Limited is not { } limited)
            return;
        // None at all may be wanted: a zero stays.
        limited.NominalConcurrencyShares ??= Shares;
        limited.LendablePercent ??= 0;
        if (limited.LimitResponse?.Queuing is not { } queuing)
            return;
        queuing.HandSize = Defaults.Filled(queuing.HandSize, HandSize);
        queuing.Queues = Defaults.Filled(queuing.Queues, Queues);
        queuing.QueueLengthLimit = Defaults.Filled(queuing.QueueLengthLimit, QueueLengthLimit);
    }
}
