using Orchestrator.Api.CoreV1;

namespace Orchestrator.Api.Defaulting;

/// <summary>A container's limits say more than is written: the maximum is the default limit, that the default request.</summary>
internal static class LimitRangeDefaults
{
    public static void Apply(LimitRange range)
    {
        foreach (var item in range.Spec.Limits.OrEmpty())
        {
            if (item.Type != "Container")
                continue;
            item.Default = Completed(item.Default, item.Max);
            item.DefaultRequest = Completed(Completed(item.DefaultRequest, item.Default), item.Min);
        }
    }

    private static Dictionary<string, Quantity>? Completed(Dictionary<string, Quantity>? values, Dictionary<string, Quantity>? from)
    {
        foreach (var (name, value) in from.OrEmpty())
            (values ??= []).TryAdd(name, value);
        return values;
    }
}
