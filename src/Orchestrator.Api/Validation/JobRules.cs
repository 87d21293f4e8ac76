using System.Globalization;
using Orchestrator.Api.BatchV1;
using Orchestrator.Api.Selectors;
using Orchestrator.Api.Strategies;

namespace Orchestrator.Api.Validation;

/// <summary>Jobs, and the schedule that makes them.</summary>
internal static class JobRules
{
    private const int IndexedParallelismLimit = 100_000;
    private const int FailedIndexesLimit = 100_000;
    // Beyond so many completions, with a limit of failures for each, both that run and that fail are fewer.
    private const int ManyCompletions = 100_000;
    private const int ParallelismLimitOfMany = 10_000;
    private const int FailedIndexesLimitOfMany = 10_000;
    private const int FailureRuleLimit = 20;
    private const int ExitCodeLimit = 255;
    private const int ConditionLimit = 20;
    private const int SuccessRuleLimit = 20;
    private const string ZoneInSchedule = "cannot use TZ or CRON_TZ in schedule, use timeZone field instead";
    private const int CronNameLimit = 52; // Its jobs' names have eleven characters more.

    public static void Check(Field root, Job job)
    {
        CheckGeneratedSelector(root, job);
        var field = root["spec"];
        Check(field, job.Spec);
        if (job.Spec.Selector is null)
            field["selector"].Required();
        else
            MetadataRules.CheckSelector(field["selector"], job.Spec.Selector);
        WorkloadRules.CheckMatches(field["template"], job.Spec.Template, job.Spec.Selector);
    }

    public static void CheckCreate(Field root, Job job)
    {
        if (job.Spec is { CompletionMode: "Indexed", Completions: { } completions and > 0 })
        {
            string podName = string.Create(CultureInfo.InvariantCulture, $"{job.Name}-{completions - 1}");
            if (NameRules.DnsLabel(podName).Count > 0)
                root["metadata"]["name"].Invalid(job.Name, $"will not able to create pod with invalid DNS label: {podName}");
        }
    }

    public static void CheckUpdate(Field root, Job job, Job old)
    {
        var field = root["spec"];
        var (spec, before) = (job.Spec, old.Spec);
        CheckCompletionsKept(field["completions"], spec, before);
        WorkloadRules.CheckSelectorKept(field["selector"], spec.Selector, before.Selector);
        CheckTemplateKept(field["template"], job, old);
        field["completionMode"].Unchanged(spec.CompletionMode, before.CompletionMode);
        CheckKept(field["podFailurePolicy"], spec.PodFailurePolicy, before.PodFailurePolicy,
            spec.PodFailurePolicy?.DeepEquals(before.PodFailurePolicy) ?? before.PodFailurePolicy is null);
        field["backoffLimitPerIndex"].Unchanged(spec.BackoffLimitPerIndex, before.BackoffLimitPerIndex);
        field["managedBy"].Unchanged(spec.ManagedBy, before.ManagedBy);
        CheckKept(field["successPolicy"], spec.SuccessPolicy, before.SuccessPolicy,
            spec.SuccessPolicy?.DeepEquals(before.SuccessPolicy) ?? before.SuccessPolicy is null);
    }

    public static void CheckStatusUpdate(Field root, Job job, Job old)
    {
        var field = root["status"];
        field["active"].NotNegative(job.Status.Active);
        field["succeeded"].NotNegative(job.Status.Succeeded);
        field["failed"].NotNegative(job.Status.Failed);
        field["ready"].NotNegative(job.Status.Ready);
        field["terminating"].NotNegative(job.Status.Terminating);
        if (job.Status.Ready > (job.Status.Active ?? 0))
            field["ready"].Invalid(job.Status.Ready, "cannot be greater than status.active");
        bool isComplete = Has(job, "Complete");
        bool isFailed = Has(job, "Failed");
        if (isComplete && isFailed)
            field["conditions"].Invalid(FieldError.Omitted, "cannot set Complete=True and Failed=true conditions");
        if (job.Status.CompletionTime is not null && !isComplete)
            field["completionTime"].Invalid(Time(job.Status.CompletionTime), "cannot set completionTime when there is no Complete=True condition");
        if (isComplete && job.Status.CompletionTime is null)
            field["completionTime"].Required("completionTime is required for Complete jobs");
        if (Has(old, "Complete") && !isComplete)
            field["conditions"].Invalid(FieldError.Omitted, "cannot disable the terminal Complete=True condition");
        if (Has(old, "Failed") && !isFailed)
            field["conditions"].Invalid(FieldError.Omitted, "cannot disable the terminal Failed=True condition");
    }

    public static void Check(Field root, CronJob job)
    {
        var field = root["spec"];
        var spec = job.Spec;
        if (string.IsNullOrEmpty(spec.Schedule))
            field["schedule"].Required();
        else
            CheckSchedule(field["schedule"], spec.Schedule);
        if (spec.StartingDeadlineSeconds is { } deadline)
            field["startingDeadlineSeconds"].NotNegative(deadline);
        if (spec.TimeZone is { } zone && TimeZones.Fault(zone) is { } fault)
            field["timeZone"].Invalid(zone, fault);
        field["concurrencyPolicy"].OneOf(spec.ConcurrencyPolicy, "Allow", "Forbid", "Replace");
        field["successfulJobsHistoryLimit"].NotNegative(spec.SuccessfulJobsHistoryLimit);
        field["failedJobsHistoryLimit"].NotNegative(spec.FailedJobsHistoryLimit);
        var template = spec.JobTemplate?.Spec ?? new JobSpec();
        var place = field["jobTemplate"]["spec"];
        Check(place, template);
        if (template.Selector is not null)
            place["selector"].Invalid(GoLiteral.Of(template.Selector), "`selector` will be auto-generated");
        if (template.ManualSelector == true)
            place["manualSelector"].NotSupported(true, "nil", "false");
    }

    public static void CheckCreate(Field root, CronJob job)
    {
        if (job.Name.Length > CronNameLimit)
            root["metadata"]["name"].Invalid(job.Name,
                string.Create(CultureInfo.InvariantCulture, $"must be no more than {CronNameLimit} characters"));
        if (NamesZone(job))
            root["spec"]["schedule"].Invalid(job.Spec.Schedule, ZoneInSchedule);
    }

    // A zone in the schedule is taken only where it has been since before that was refused.
    public static void CheckUpdate(Field root, CronJob job, CronJob old)
    {
        if (!NamesZone(job))
            return;
        if (!NamesZone(old))
            root["spec"]["schedule"].Invalid(job.Spec.Schedule, ZoneInSchedule);
        else if (job.Spec.TimeZone is not null)
            root["spec"]["schedule"].Invalid(job.Spec.Schedule, "cannot use both timeZone field and TZ or CRON_TZ in schedule");
    }

    private static bool NamesZone(CronJob job) => job.Spec.Schedule?.Contains("TZ", StringComparison.Ordinal) == true;

    private static void CheckSchedule(Field field, string schedule)
    {
        try
        {
            CronSchedule.Parse(schedule);
        }
        catch (FormatException fault)
        {
            field.Invalid(schedule, fault.Message);
        }
    }

    private static bool Has(Job job, string type) =>
        job.Status.Conditions.OrEmpty().Exists(condition => condition.Type == type && condition.Status == "True");

    private static string? Time(DateTimeOffset? time) =>
        time?.ToUniversalTime().ToString("yyyy-MM-dd'T'HH:mm:ss'Z'", CultureInfo.InvariantCulture);

    private static void CheckGeneratedSelector(Field root, Job job)
    {
        if (job.Spec.ManualSelector == true || job.Spec.Selector is not { } selector)
            return;
        if (job.Uid.Length == 0)
            root["metadata"]["uid"].Required();
        var labels = root["spec"]["template"]["metadata"]["labels"];
        var template = job.Spec.Template.Metadata.Labels.OrEmpty();
        foreach (var (key, expected) in new[]
        {
            (JobStrategy.OldControllerUidLabel, job.Uid), (JobStrategy.OldJobNameLabel, job.Name),
            (JobStrategy.ControllerUidLabel, job.Uid), (JobStrategy.JobNameLabel, job.Name),
        })
        {
            if (!template.TryGetValue(key, out string? value))
                labels.Key(key).Required($"must be '{expected}'");
            else if (value != expected)
                labels.Key(key).Invalid(GoLiteral.Of(template), $"must be '{expected}'");
        }
        var made = new Dictionary<string, string>(StringComparer.Ordinal)
        {
            [JobStrategy.ControllerUidLabel] = job.Uid,
            [JobStrategy.OldControllerUidLabel] = job.Uid,
            [JobStrategy.JobNameLabel] = job.Name,
            [JobStrategy.OldJobNameLabel] = job.Name,
        };
        if (WorkloadRules.IsSound(selector) && !Selector.Of(selector).Matches(made))
            root["spec"]["selector"].Invalid(GoLiteral.Of(selector), "`selector` not auto-generated");
    }

    private static void Check(Field field, JobSpec spec)
    {
        field["parallelism"].NotNegative(spec.Parallelism);
        field["completions"].NotNegative(spec.Completions);
        field["activeDeadlineSeconds"].NotNegative(spec.ActiveDeadlineSeconds);
        field["backoffLimit"].NotNegative(spec.BackoffLimit);
        field["ttlSecondsAfterFinished"].NotNegative(spec.TtlSecondsAfterFinished);
        field["backoffLimitPerIndex"].NotNegative(spec.BackoffLimitPerIndex);
        field["maxFailedIndexes"].NotNegative(spec.MaxFailedIndexes);
        if (spec.MaxFailedIndexes is not null && spec.BackoffLimitPerIndex is null)
            field["backoffLimitPerIndex"].Required("when maxFailedIndexes is specified");
        CheckMode(field, spec);
        if (spec.ManagedBy is { } manager)
            PolicyRules.CheckDomainPath(field["managedBy"], manager);
        if (spec.PodFailurePolicy is { } failure)
            CheckFailurePolicy(field["podFailurePolicy"], failure, spec);
        if (spec.SuccessPolicy is { } success)
            CheckSuccessPolicy(field["successPolicy"], success, spec);
        if (spec.PodFailurePolicy is not null)
            field["podReplacementPolicy"].OneOfOrAbsent(spec.PodReplacementPolicy, "Failed");
        else
            field["podReplacementPolicy"].OneOfOrAbsent(spec.PodReplacementPolicy, "Failed", "TerminatingOrFailed");
        PodSpecRules.CheckTemplate(field["template"], spec.Template);
        CheckRestartPolicy(field["template"]["spec"]["restartPolicy"], spec);
    }

    private static void CheckMode(Field field, JobSpec spec)
    {
        field["completionMode"].OneOfOrAbsent(spec.CompletionMode, "Indexed", "NonIndexed");
        if (spec.CompletionMode == "Indexed")
        {
            if (spec.Completions is null)
                field["completions"].Required("when completion mode is Indexed");
            if (spec.Parallelism > IndexedParallelismLimit)
                field["parallelism"].Invalid(spec.Parallelism, string.Create(CultureInfo.InvariantCulture,
                    $"must be less than or equal to {IndexedParallelismLimit} when completion mode is Indexed"));
            if (spec.MaxFailedIndexes > spec.Completions)
                field["maxFailedIndexes"].Invalid(spec.MaxFailedIndexes, "must be less than or equal to completions");
            if (spec.MaxFailedIndexes > FailedIndexesLimit)
                field["maxFailedIndexes"].Invalid(spec.MaxFailedIndexes, string.Create(CultureInfo.InvariantCulture,
                    $"must be less than or equal to {FailedIndexesLimit}"));
            if (spec is { Completions: > ManyCompletions, BackoffLimitPerIndex: not null })
                CheckMany(field, spec);
            return;
        }
        if (spec.BackoffLimitPerIndex is { } limit)
            field["backoffLimitPerIndex"].Invalid(limit, "requires indexed completion mode");
        if (spec.MaxFailedIndexes is { } indexes)
            field["maxFailedIndexes"].Invalid(indexes, "requires indexed completion mode");
    }

    private static void CheckMany(Field field, JobSpec spec)
    {
        if (spec.MaxFailedIndexes is null)
            field["maxFailedIndexes"].Required(string.Create(CultureInfo.InvariantCulture,
                $"must be specified when completions is above {ManyCompletions}"));
        if (spec.Parallelism > ParallelismLimitOfMany)
            field["parallelism"].Invalid(spec.Parallelism, TooManyOfMany(ParallelismLimitOfMany));
        if (spec.MaxFailedIndexes > FailedIndexesLimitOfMany)
            field["maxFailedIndexes"].Invalid(spec.MaxFailedIndexes, TooManyOfMany(FailedIndexesLimitOfMany));
    }

    private static string TooManyOfMany(int limit) => string.Create(CultureInfo.InvariantCulture,
        $"must be less than or equal to {limit} when completions are above {ManyCompletions} and used with backoff limit per index");

    private static void CheckRestartPolicy(Field field, JobSpec spec)
    {
        string? policy = spec.Template.Spec.RestartPolicy;
        if (policy is null or "" or "Always")
            field.Required("valid values: \"OnFailure\", \"Never\"");
        else if (policy is not ("OnFailure" or "Never"))
            field.NotSupported(policy, "Never", "OnFailure");
        else if (spec.PodFailurePolicy is not null && policy != "Never")
            field.Invalid(policy, "only \"Never\" is supported when podFailurePolicy is specified");
    }

    private static void CheckFailurePolicy(Field field, PodFailurePolicy policy, JobSpec spec)
    {
        var rules = policy.Rules.OrEmpty();
        if (rules.Count > FailureRuleLimit)
            field["rules"].TooMany(rules.Count, FailureRuleLimit);
        var names = spec.Template.Spec.Containers.OrEmpty().Concat(spec.Template.Spec.InitContainers.OrEmpty())
            .Select(container => container.Name).ToHashSet();
        foreach (var (index, rule) in rules.Index())
        {
            var place = field["rules"][index];
            if (string.IsNullOrEmpty(rule.Action))
                place["action"].Required("valid values: [\"Count\" \"FailIndex\" \"FailJob\" \"Ignore\"]");
            else if (rule.Action == "FailIndex" && spec.BackoffLimitPerIndex is null)
                place["action"].Invalid(rule.Action, "requires the backoffLimitPerIndex to be set");
            else
                place["action"].OneOf(rule.Action, "Count", "FailIndex", "FailJob", "Ignore");
            if (rule.OnExitCodes is { } codes)
                CheckExitCodes(place["onExitCodes"], codes, names);
            if (rule.OnPodConditions is { Count: > 0 } conditions)
                CheckConditions(place["onPodConditions"], conditions);
            if (rule.OnExitCodes is not null && rule.OnPodConditions is { Count: > 0 })
                place.Invalid(FieldError.Omitted, "specifying both OnExitCodes and OnPodConditions is not supported");
            else if (rule.OnExitCodes is null && rule.OnPodConditions is not { Count: > 0 })
                place.Invalid(FieldError.Omitted, "specifying one of OnExitCodes and OnPodConditions is required");
        }
    }

    private static void CheckExitCodes(Field field, PodFailurePolicyOnExitCodesRequirement codes, HashSet<string?> names)
    {
        if (string.IsNullOrEmpty(codes.Operator))
            field["operator"].Required("valid values: [\"In\" \"NotIn\"]");
        else
            field["operator"].OneOf(codes.Operator, "In", "NotIn");
        if (codes.ContainerName is { } name && !names.Contains(name))
            field["containerName"].Invalid(name, "must be one of the container or initContainer names in the pod template");
        var values = codes.Values.OrEmpty();
        if (values.Count == 0)
            field["values"].Invalid(GoLiteral.Raw("[]int32{}"), "at least one value is required");
        else if (values.Count > ExitCodeLimit)
            field["values"].TooMany(values.Count, ExitCodeLimit);
        bool isOrdered = true;
        var seen = new HashSet<int>();
        foreach (var (index, value) in values.Index())
        {
            if (codes.Operator == "In" && value == 0)
                field["values"][index].Invalid(0, "must not be 0 for the In operator");
            if (!seen.Add(value))
                field["values"][index].Duplicate(value);
            isOrdered &= index == 0 || values[index - 1] <= value;
        }
        if (!isOrdered)
            field["values"].Invalid(GoLiteral.Raw($"[]int32{{{string.Join(", ", values)}}}"), "must be ordered");
    }

    private static void CheckConditions(Field field, List<PodFailurePolicyOnPodConditionsPattern> conditions)
    {
        if (conditions.Count > ConditionLimit)
            field.TooMany(conditions.Count, ConditionLimit);
        foreach (var (index, condition) in conditions.Index())
        {
            MetadataRules.CheckLabelKey(field[index]["type"], condition.Type);
            if (string.IsNullOrEmpty(condition.Status))
                field[index]["status"].Required("valid values: [\"False\" \"True\" \"Unknown\"]");
            else
                field[index]["status"].OneOf(condition.Status, "False", "True", "Unknown");
        }
    }

    private static void CheckSuccessPolicy(Field field, SuccessPolicy policy, JobSpec spec)
    {
        if (spec.CompletionMode != "Indexed")
            field.Invalid(policy, "requires indexed completion mode");
        var rules = policy.Rules.OrEmpty();
        if (rules.Count == 0)
            field["rules"].Required("at least one rules must be specified when the successPolicy is specified");
        if (rules.Count > SuccessRuleLimit)
            field["rules"].TooMany(rules.Count, SuccessRuleLimit);
        foreach (var (index, rule) in rules.Index())
        {
            var place = field["rules"][index];
            if (rule.SucceededCount is null && rule.SucceededIndexes is null)
                place.Required("at least one of succeededCount or succeededIndexes must be specified");
            place["succeededCount"].NotNegative(rule.SucceededCount);
            if (rule.SucceededCount > spec.Completions)
                place["succeededCount"].Invalid(rule.SucceededCount, string.Create(CultureInfo.InvariantCulture,
                    $"must be less than or equal to {spec.Completions} (the number of specified completions)"));
        }
    }

    // An indexed job is scaled by both numbers together.
    private static void CheckCompletionsKept(Field field, JobSpec spec, JobSpec old)
    {
        if (spec.Completions == old.Completions)
            return;
        if (spec.CompletionMode != "Indexed" || old.CompletionMode != "Indexed")
            field.Invalid(spec.Completions, Field.Immutable);
        else if (spec.Completions is null)
            field.Required("cannot set completions to nil when completionMode is Indexed");
        else if (spec.Completions != spec.Parallelism)
            field.Invalid(spec.Completions, "can only be modified in tandem with spec.parallelism");
    }

    // A suspended job that never ran may still be told where its pods shall run.
    private static void CheckTemplateKept(Field field, Job job, Job old)
    {
        var before = old.Spec.Template;
        if (old.Spec.Suspend == true && old.Status.StartTime is null)
        {
            before = before.DeepClone();
            var template = job.Spec.Template;
            before.Spec.NodeSelector = template.Spec.NodeSelector;
            before.Spec.Affinity = template.Spec.Affinity;
            before.Spec.Tolerations = template.Spec.Tolerations;
            before.Spec.SchedulingGates = template.Spec.SchedulingGates;
            before.Metadata.Annotations = template.Metadata.Annotations;
            before.Metadata.Labels = template.Metadata.Labels;
        }
        CheckKept(field, job.Spec.Template, before, job.Spec.Template.DeepEquals(before));
    }

    private static void CheckKept(Field field, IKubernetesValue? value, IKubernetesValue? old, bool isSame)
    {
        if (!isSame)
            field.Invalid(value ?? (object)GoLiteral.Raw("null"), Field.Immutable);
    }
}
