package api

import (
	"net/http"

	"github.com/bailey-run/bailey/internal/sandbox"
)

// PlanResponse is the answer of POST /bailey/v1/plan, whose body is that of a
// create: what the container's sandbox would be. Nothing is made.
type PlanResponse struct {
	Posture  sandbox.Posture
	Controls []sandbox.Control
	Warnings []string
}

func postPlan(c *call, r createRequest) error {
	plan, err := c.s.engine.Plan(c.ctx(), r.CreateRequest)
	if err != nil {
		return err
	}
	return c.json(http.StatusOK, PlanResponse{
		Posture: plan.Posture, Controls: list(plan.Controls), Warnings: list(append(plan.Warnings, r.warnings...)),
	})
}

// NodeResponse is the answer of GET /bailey/v1/node: the node as Bailey's own
// tools want to know it, and who they are to it.
type NodeResponse struct {
	ID, Name        string
	Version         string
	APIVersion      string
	MinAPIVersion   string
	OperatingSystem string
	Architecture    string
	KernelVersion   string
	CgroupVersion   string
	CPUs            int
	Memory          int64 // bytes
	// Runtime is the OCI runtime's name, RuntimeVersion its version.
	Runtime, RuntimeVersion string
	SecurityOptions         []string
	Containers, Running     int
	Images                  int
	Warnings                []string
	// Caller is who asked, as the node sees it.
	Caller sandbox.Caller
}

func getNode(c *call) error {
	info, err := c.s.engine.Info(c.ctx())
	if err != nil {
		return err
	}
	return c.json(http.StatusOK, NodeResponse{
		ID: info.ID, Name: info.Name, Version: info.ServerVersion, APIVersion: MaxVersion, MinAPIVersion: MinVersion,
		OperatingSystem: info.OperatingSystem, Architecture: info.Architecture, KernelVersion: info.KernelVersion,
		CgroupVersion: info.CgroupVersion, CPUs: info.NCPU, Memory: info.MemTotal,
		Runtime: info.DefaultRuntime, RuntimeVersion: info.RuncCommit.ID, SecurityOptions: list(info.SecurityOptions),
		Containers: info.Containers, Running: info.ContainersRunning, Images: info.Images, Warnings: list(info.Warnings), Caller: c.caller,
	})
}
