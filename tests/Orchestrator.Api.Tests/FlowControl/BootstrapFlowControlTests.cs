using Orchestrator.Api.Defaulting;
using Orchestrator.Api.FlowControl;
using Orchestrator.Api.FlowcontrolV1;
using Orchestrator.Api.Validation;

namespace Orchestrator.Api.Tests.FlowControl;

public sealed class BootstrapFlowControlTests
{
    [Fact]
    public void What_every_cluster_has_is_valid_and_leaves_nothing_to_defaults()
    {
        var all = BootstrapFlowControl.PriorityLevels().Concat<IKubernetesObject>(BootstrapFlowControl.FlowSchemas()).ToList();

        foreach (var one in all)
        {
            var defaulted = one.DeepClone();
            Defaults.Apply(defaulted);
            Assert.Empty(Validator.ValidateCreate(defaulted));
            Assert.Equal(KubernetesJson.Serialize(one), KubernetesJson.Serialize(defaulted));
        }
    }

    [Fact]
    public void Every_schema_names_a_level_that_is_there()
    {
        var levels = BootstrapFlowControl.PriorityLevels().Select(level => level.Name).ToHashSet();

        Assert.All(BootstrapFlowControl.FlowSchemas(), schema => Assert.Contains(schema.Spec.PriorityLevelConfiguration!.Name!, levels));
    }

    [Fact]
    public void What_is_mandatory_cannot_be_changed_and_a_suggestion_can()
    {
        var catchAll = BootstrapFlowControl.PriorityLevels().Single(level => level.Name == "catch-all");
        var suggested = BootstrapFlowControl.PriorityLevels().Single(level => level.Name == "workload-low");
        catchAll.Spec.Limited!.NominalConcurrencyShares = 6;
        suggested.Spec.Limited!.NominalConcurrencyShares = 6;

        Assert.Contains(Validator.ValidateCreate(catchAll), fault => fault.Detail == "spec of 'catch-all' must equal the fixed value");
        Assert.Empty(Validator.ValidateCreate(suggested));
    }

    [Fact]
    public void A_suggestion_is_kept_up_to_date_until_its_annotation_says_otherwise()
    {
        var expected = BootstrapFlowControl.PriorityLevels().Single(level => level.Name == "system");
        PriorityLevelConfiguration Changed(string autoUpdate)
        {
            var changed = expected.DeepClone();
            changed.Spec.Limited!.NominalConcurrencyShares = 1;
            changed.Metadata.Annotations![BootstrapFlowControl.AutoUpdateAnnotation] = autoUpdate;
            return changed;
        }

        Assert.Equal(30, BootstrapFlowControl.Reconcile(Changed("true"), expected)!.Spec.Limited!.NominalConcurrencyShares);
        Assert.Null(BootstrapFlowControl.Reconcile(Changed("false"), expected));
        Assert.Null(BootstrapFlowControl.Reconcile(expected.DeepClone(), expected));
    }

    [Fact]
    public void No_shares_at_all_may_be_wanted()
    {
        var level = new PriorityLevelConfiguration
        {
            Spec = new() { Type = "Limited", Limited = new() { NominalConcurrencyShares = 0, LimitResponse = new() { Type = "Queue", Queuing = new() } } },
        };

        Defaults.Apply(level);

        Assert.Equal(0, level.Spec.Limited!.NominalConcurrencyShares);
        Assert.Equal((64, 8, 50), (
            level.Spec.Limited.LimitResponse!.Queuing!.Queues, level.Spec.Limited.LimitResponse.Queuing.HandSize,
            level.Spec.Limited.LimitResponse.Queuing.QueueLengthLimit));
    }
}
