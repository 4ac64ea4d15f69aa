import { Body, Controller, Get, HttpCode, Param, Post, Query } from '@nestjs/common';
import { CommandBus, QueryBus } from '@nestjs/cqrs';
import { ApiOkResponse, ApiOperation, ApiTags } from '@nestjs/swagger';
import { z } from 'zod';
import { Allow } from '../access/allow.decorator.js';
import {
  afterQuery,
  leadDetail,
  leadPage,
  leadRef,
  leadsQuery,
  timelinePage,
  timelineQuery,
  type LeadsQuery,
  type TimelineQuery,
} from './leads.dto.js';
